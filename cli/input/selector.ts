import { CliError, ExitCode } from '../cli-error.ts';

/** Labels a selector of `-l` is asked about. */
export type Labels = Readonly<Record<string, string>>;

/**
 * Reads kubectl's equality selectors: `app=cart,version!=v2,team,!old`.
 * @throws CliError when it is none.
 */
export function parseSelector(text: string): (labels: Labels | undefined) => boolean {
  const requirements = text
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '')
    .map((part) => {
      const [, not, key, operator, value] = /^(!?)([\w./-]+)\s*(?:(==?|!=)\s*([\w.-]*))?$/.exec(part) ?? [];
      if (key === undefined || (not !== '' && operator !== undefined)) {
        throw new CliError(`-l ${text}: cannot read ${part}; write key=value, key!=value, key or !key`, ExitCode.usage);
      }
      return (labels: Labels): boolean => {
        const actual = Object.hasOwn(labels, key) ? labels[key] : undefined;
        if (operator === undefined) return (actual !== undefined) === (not === '');
        return (actual === value) === (operator !== '!=');
      };
    });
  return (labels) => requirements.every((holds) => holds(labels ?? {}));
}
