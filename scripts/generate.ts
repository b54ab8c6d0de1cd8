// Generates proto/gen from the Envoy v3 protos of @grpc/grpc-js-xds and from proto/heddle.
// Usage: node scripts/generate.ts [output folder, default proto/gen]
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { writeFields } from './generate-fields.ts';

const root = path.resolve(import.meta.dirname, '..');
const output = path.resolve(process.argv[2] ?? path.join(root, 'proto/gen'));
const deps = path.join(root, 'node_modules/@grpc/grpc-js-xds/deps');

/** Field numbers of `ignore_empty` in each rules message of the newer validate.proto. */
const ignoreEmptyNumber: Record<string, number> = { StringRules: 26, BytesRules: 14, RepeatedRules: 5, MapRules: 6 };
for (const kind of [
  'Float',
  'Double',
  'Int32',
  'Int64',
  'UInt32',
  'UInt64',
  'SInt32',
  'SInt64',
  'Fixed32',
  'Fixed64',
  'SFixed32',
  'SFixed64',
]) {
  ignoreEmptyNumber[`${kind}Rules`] = 8;
}

/**
 * The bundled validate.proto is older than the Envoy protos that use it, so buf cannot resolve the
 * options `ignore_empty` and `ignored`. This adds them with their numbers from the later release.
 */
function patchValidate(text: string): string {
  let patched = text.replace(
    'optional bool disabled = 1071;',
    'optional bool disabled = 1071;\n    optional bool ignored = 1072;',
  );
  for (const [message, number] of Object.entries(ignoreEmptyNumber)) {
    patched = patched.replace(
      `message ${message} {`,
      `message ${message} {\n    optional bool ignore_empty = ${number};`,
    );
  }
  return patched;
}

const work = fs.mkdtempSync(path.join(os.tmpdir(), 'heddle-generate-'));
try {
  for (const source of ['envoy-api', 'googleapis', 'protoc-gen-validate', 'xds']) {
    fs.cpSync(path.join(deps, source), work, {
      recursive: true,
      filter: (file) => fs.statSync(file).isDirectory() || file.endsWith('.proto'),
    });
  }
  fs.cpSync(path.join(root, 'proto/heddle'), path.join(work, 'heddle'), { recursive: true });
  for (const unused of ['java', 'tests']) fs.rmSync(path.join(work, unused), { recursive: true, force: true });

  const validate = path.join(work, 'validate/validate.proto');
  fs.writeFileSync(validate, patchValidate(fs.readFileSync(validate, 'utf8')));

  fs.writeFileSync(path.join(work, 'buf.yaml'), 'version: v2\n');
  fs.writeFileSync(
    path.join(work, 'buf.gen.yaml'),
    JSON.stringify({
      version: 'v2',
      plugins: [
        {
          local: [process.execPath, path.join(root, 'node_modules/.bin/protoc-gen-ts_proto')],
          out: output,
          include_imports: true,
          include_wkt: true,
          strategy: 'all',
          opt: [
            'esModuleInterop=true',
            'env=node',
            'importSuffix=.ts',
            'outputServices=grpc-js',
            'oneof=unions-value',
            'enumsAsLiterals=true',
            'forceLong=number',
            'outputTypeRegistry=true',
            'useDuration=string',
            'useExactTypes=false',
            'comments=false',
          ],
        },
      ],
    }),
  );

  const entries = fs
    .readFileSync(path.join(root, 'proto/xds-sources.txt'), 'utf8')
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'));
  const own = fs.globSync('heddle/**/*.proto', { cwd: work });
  const paths = [...entries, ...own].sort().flatMap((entry) => ['--path', entry]);

  fs.rmSync(output, { recursive: true, force: true });
  const buf = path.join(root, 'node_modules/.bin/buf');
  execFileSync(buf, ['generate', ...paths], { cwd: work, stdio: 'inherit' });
  const image = path.join(work, 'image.binpb');
  execFileSync(buf, ['build', ...paths, '-o', image], { cwd: work, stdio: 'inherit' });
  writeFields(image, path.join(output, 'fields.ts'));

  // ts-proto 2.18 forgets the type name in this one place when useDuration and outputTypeRegistry meet.
  const duration = path.join(output, 'google/protobuf/duration.ts');
  const text = fs.readFileSync(duration, 'utf8');
  fs.writeFileSync(
    duration,
    text.replace('return { seconds, nanos };', 'return { $type: "google.protobuf.Duration", seconds, nanos };'),
  );
} finally {
  fs.rmSync(work, { recursive: true, force: true });
}
