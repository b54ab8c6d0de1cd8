const context = 3;

interface Edit {
  readonly mark: ' ' | '-' | '+';
  readonly line: string;
}

/** The difference of two texts as `diff -u` writes it; empty when they are the same. */
export function unifiedDiff(name: string, before: string, after: string): string {
  const edits = diffLines(splitLines(before), splitLines(after));
  if (edits.every((edit) => edit.mark === ' ')) return '';
  const names = [before === '' ? '/dev/null' : `live/${name}`, after === '' ? '/dev/null' : `merged/${name}`];
  return `--- ${names[0]}\n+++ ${names[1]}\n${hunks(edits)}`;
}

function splitLines(text: string): string[] {
  return text === '' ? [] : text.replace(/\n$/, '').split('\n');
}

/** Longest common subsequence by dynamic programming: objects have hundreds of lines, not thousands. */
function diffLines(before: readonly string[], after: readonly string[]): Edit[] {
  const width = after.length + 1;
  const lengths = new Uint32Array((before.length + 1) * width);
  const at = (i: number, j: number) => lengths[i * width + j] ?? 0;
  for (let i = before.length - 1; i >= 0; i--) {
    for (let j = after.length - 1; j >= 0; j--) {
      lengths[i * width + j] = before[i] === after[j] ? at(i + 1, j + 1) + 1 : Math.max(at(i + 1, j), at(i, j + 1));
    }
  }
  const edits: Edit[] = [];
  let [i, j] = [0, 0];
  while (i < before.length || j < after.length) {
    if (i < before.length && j < after.length && before[i] === after[j]) {
      edits.push({ mark: ' ', line: before[i] as string });
      i++;
      j++;
    } else if (i < before.length && (j === after.length || at(i + 1, j) >= at(i, j + 1))) {
      edits.push({ mark: '-', line: before[i++] as string });
    } else {
      edits.push({ mark: '+', line: after[j++] as string });
    }
  }
  return edits;
}

function hunks(edits: readonly Edit[]): string {
  const changed = edits.flatMap((edit, index) => (edit.mark === ' ' ? [] : [index]));
  const ranges: { from: number; to: number }[] = [];
  for (const index of changed) {
    const [from, to] = [Math.max(0, index - context), Math.min(edits.length, index + context + 1)];
    const last = ranges.at(-1);
    if (last !== undefined && from <= last.to) last.to = to;
    else ranges.push({ from, to });
  }
  return ranges
    .map(({ from, to }) => {
      const count = (part: readonly Edit[], mark: string) => part.filter((edit) => edit.mark !== mark).length;
      const [head, part] = [edits.slice(0, from), edits.slice(from, to)];
      const range = (mark: string) => {
        const lines = count(part, mark);
        return `${count(head, mark) + (lines === 0 ? 0 : 1)},${lines}`;
      };
      const body = part.map((edit) => `${edit.mark}${edit.line}\n`).join('');
      return `@@ -${range('+')} +${range('-')} @@\n${body}`;
    })
    .join('');
}
