import { DataSource } from '../../proto/gen/envoy/config/core/v3/base.ts';
import { fieldsOf } from './message-fields.ts';
import { join, type Reader } from './reader.ts';

export const dataSourceFields = fieldsOf(DataSource, {
  supported: ['specifier.inlineString', 'specifier.inlineBytes', 'specifier.filename', 'specifier.environmentVariable'],
  ignored: { watchedDirectory: 'a file is read once; what shall change comes by SDS' },
  limits: {
    'specifier.filename': 'in a bootstrap file and what it leads to',
    'specifier.environmentVariable': 'in a bootstrap file and what it leads to',
  },
});

const maxBytes = 1_048_576;

/** Reads what a DataSource holds or names; empty, with a problem, when it cannot be had. */
export function decodeDataSource(reader: Reader, path: string, source: DataSource | undefined): Buffer {
  const nothing = Buffer.alloc(0);
  const specifier = source?.specifier;
  if (source === undefined || specifier === undefined) {
    reader.problem(path, 'missing');
    return nothing;
  }
  reader.only(path, source, dataSourceFields);
  const { local } = reader.context;
  switch (specifier.$case) {
    case 'inlineString':
      return Buffer.from(specifier.value);
    case 'inlineBytes':
      return specifier.value;
    case 'filename': {
      const at = join(path, 'filename');
      if (local === undefined) {
        reader.problem(at, 'not supported here: only a bootstrap file may name files');
        return nothing;
      }
      try {
        const contents = local.readFile(specifier.value);
        if (contents.length <= maxBytes) return contents;
        reader.problem(at, `${specifier.value} has ${contents.length} bytes; at most ${maxBytes}`);
      } catch (error) {
        reader.problem(at, error instanceof Error ? error.message : String(error));
      }
      return nothing;
    }
    case 'environmentVariable': {
      const at = join(path, 'environment_variable');
      const value = local?.environment(specifier.value);
      if (local === undefined) reader.problem(at, 'not supported here: only a bootstrap file may name variables');
      else if (value === undefined) reader.problem(at, `${specifier.value} is not set`);
      return Buffer.from(value ?? '');
    }
  }
}
