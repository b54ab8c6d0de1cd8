import { CliError, ExitCode } from '../cli-error.ts';

export interface ObjectReference {
  readonly kind: string;
  readonly name: string;
}

/**
 * Objects named on the command line: `httproute ratings cart`, or `httproute/ratings service/cart`.
 * @throws CliError when a name is missing or both forms are mixed.
 */
export function objectReferences(kind: string, names: readonly string[]): ObjectReference[] {
  const slashed = [kind, ...names].map((word) => word.split('/'));
  if (slashed.every((parts) => parts.length === 2 && parts.every((part) => part !== ''))) {
    return slashed.map(([first = '', second = '']) => ({ kind: first, name: second }));
  }
  if (slashed.some((parts) => parts.length > 1)) {
    throw new CliError(`write KIND NAME or KIND/NAME, not a mixture: ${[kind, ...names].join(' ')}`, ExitCode.usage);
  }
  if (names.length === 0) throw new CliError(`the name of the ${kind} is missing`, ExitCode.usage);
  return names.map((name) => ({ kind, name }));
}
