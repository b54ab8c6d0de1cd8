import { setTimeout as delay } from 'node:timers/promises';

/**
 * Asks again every `intervalMs` and hands over what is new or changed since, until the process ends. The first answer
 * is handed over whole.
 */
export async function watch<Row>(
  fetchRows: () => Promise<readonly Row[]>,
  keyOf: (row: Row) => string,
  show: (rows: readonly Row[], first: boolean) => void,
  intervalMs = 1000,
): Promise<never> {
  let known = new Map<string, string>();
  for (let first = true; ; first = false) {
    const rows = await fetchRows();
    const current = new Map(rows.map((row) => [keyOf(row), JSON.stringify(row)]));
    const changed = rows.filter((row) => known.get(keyOf(row)) !== current.get(keyOf(row)));
    if (first || changed.length > 0) show(changed, first);
    known = current;
    await delay(intervalMs);
  }
}
