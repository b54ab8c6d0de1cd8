/** Whether every label of the selector is there with the same value. An empty selector selects all. */
export function selects(selector: Readonly<Record<string, string>>, labels: Readonly<Record<string, string>>): boolean {
  for (const key in selector) {
    if (Object.hasOwn(selector, key) && (!Object.hasOwn(labels, key) || labels[key] !== selector[key])) return false;
  }
  return true;
}
