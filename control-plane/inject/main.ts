import fs from 'node:fs';
import { parseArgs } from 'node:util';
import { injectText } from './inject-text.ts';
import { defaultInjectOptions } from './options.ts';
import { InjectTextError } from './text-edit.ts';

// The text filter behind `heddle inject`: YAML in, the same YAML with sidecars out, a summary on standard error.
// Exit codes: 0 done, 1 something was refused (nothing is printed then), 64 wrong usage.

const help = `Usage: heddle inject -f FILE|- [flags]

Adds a native sidecar and the interception container to every Pod, Deployment, ReplicaSet, StatefulSet,
DaemonSet, Job and CronJob of the input (Lists too). What is not added to stays byte for byte, comments too.
Injecting twice changes nothing.

  -f, --filename FILE       input; - for standard input; repeatable
  -n, --namespace NAME      namespace of objects that name none (default "default")
      --image IMAGE         proxy image (default ${defaultInjectOptions.image})
      --control-plane HOST  host:port that pods reach (default ${defaultInjectOptions.controlPlane})
  -q, --quiet               no summary

Examples:
  heddle inject -f deployment.yaml | kubectl apply -f -
  kubectl get deploy web -o yaml | heddle inject -f - | kubectl apply -f -
`;

function main(): number {
  const { values } = parseArgs({
    options: {
      filename: { type: 'string', short: 'f', multiple: true },
      namespace: { type: 'string', short: 'n', default: 'default' },
      image: { type: 'string', default: defaultInjectOptions.image },
      'control-plane': { type: 'string', default: defaultInjectOptions.controlPlane },
      quiet: { type: 'boolean', short: 'q', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  if (values.help) {
    process.stdout.write(help);
    return 0;
  }
  if (values.filename === undefined) {
    process.stderr.write('heddle inject: name the input with -f FILE, or -f - for standard input\n');
    return 64;
  }
  const options = { ...defaultInjectOptions, image: values.image, controlPlane: values['control-plane'] };
  const outputs: string[] = [];
  let refused = false;
  for (const name of values.filename) {
    const text = fs.readFileSync(name === '-' ? 0 : name, 'utf8');
    const result = injectFile(name, text);
    if (result === undefined) refused = true;
    else outputs.push(result);
  }
  if (refused) return 1;
  process.stdout.write(
    outputs.length === 1
      ? (outputs[0] ?? '')
      : outputs.map((text) => (text.endsWith('\n') ? text : `${text}\n`)).join('---\n'),
  );
  return 0;

  function injectFile(name: string, text: string): string | undefined {
    try {
      const result = injectText(text, options, values.namespace);
      for (const { object, line, outcome, detail } of result.reports) {
        if (outcome === 'refused') process.stderr.write(`${name}:${line}: ${object}: ${detail}\n`);
        else if (!values.quiet && outcome !== 'not-a-workload') {
          process.stderr.write(`${object} ${outcome}${detail === '' ? '' : `: ${detail}`}\n`);
        }
      }
      if (result.reports.some(({ outcome }) => outcome === 'refused')) return undefined;
      return result.text;
    } catch (error) {
      if (!(error instanceof InjectTextError)) throw error;
      const line = text.slice(0, error.offset).split('\n').length;
      process.stderr.write(`${name}:${line}: ${error.message}\n`);
      return undefined;
    }
  }
}

try {
  process.exitCode = main();
} catch (error) {
  process.stderr.write(`heddle inject: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 64;
}
