import type { Problem } from '../../proto/api/v1.ts';
import { printable } from './printable.ts';

/** Problems as a compiler prints them, one a line: `file:line:column: object: field: message (hint)`. */
export function renderProblems(problems: readonly Problem[]): string {
  return problems
    .map((problem) => {
      const place = problem.line > 0 ? `${problem.file}:${problem.line}:${problem.column}` : problem.file;
      const parts = [place, problem.object, problem.field, problem.message].filter((part) => part !== '');
      const hint = problem.hint === undefined || problem.hint === '' ? '' : ` (${problem.hint})`;
      return `${printable(parts.join(': ') + hint)}\n`;
    })
    .join('');
}
