import { Argument, Command } from 'commander';
import type { CliContext } from '../context.ts';
import { examples } from './shared-options.ts';

// Each asks `heddle __complete -- <words so far>`, which answers a candidate a line: word, tab, description.
const scripts: Readonly<Record<string, string>> = {
  bash: `# bash completion for heddle: source <(heddle completion bash)
_heddle() {
  local IFS=$'\\n' cur=\${COMP_WORDS[COMP_CWORD]} line
  COMPREPLY=()
  while read -r line; do
    line=\${line%%$'\\t'*}
    [[ $line == "$cur"* ]] && COMPREPLY+=("$line")
  done < <(heddle __complete -- "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
}
complete -o default -F _heddle heddle
`,
  zsh: `#compdef heddle
# zsh completion for heddle: source <(heddle completion zsh)
_heddle() {
  local line
  local -a candidates
  while IFS= read -r line; do
    candidates+=("\${\${line%%$'\\t'*}//:/\\\\:}\${\${(M)line:#*$'\\t'*}:+:\${line#*$'\\t'}}")
  done < <(heddle __complete -- "\${(@)words[2,CURRENT]}" 2>/dev/null)
  if (( \${#candidates} )); then _describe heddle candidates; else _files; fi
}
if [ "\${funcstack[1]}" = "_heddle" ]; then _heddle "$@"; else compdef _heddle heddle; fi
`,
  fish: `# fish completion for heddle: heddle completion fish | source
function __heddle_complete
  set -l words (commandline -opc) (commandline -ct)
  heddle __complete -- $words[2..-1] 2>/dev/null
end
complete -c heddle -f -a '(__heddle_complete)'
complete -c heddle -n '__fish_contains_opt -s f filename' -F
`,
};

export function completionCommand(context: CliContext): Command {
  const command = new Command('completion')
    .description('A shell script that completes commands, flags, kinds and names of objects')
    .addArgument(new Argument('<shell>').choices(Object.keys(scripts)));
  examples(
    command,
    'source <(heddle completion bash)',
    'source <(heddle completion zsh)',
    'heddle completion fish | source',
  );
  return command.action((shell: string) => {
    context.stdout.write(scripts[shell] ?? '');
  });
}
