/**
 * Names that a route and a listener both want, by the Gateway API: the route's names that the listener covers, or the
 * listener's where it is the narrower one. `undefined` when they have none in common; empty for every name.
 */
export function intersectHostnames(listener: string, route: readonly string[]): readonly string[] | undefined {
  if (listener === '') return route;
  if (route.length === 0) return [listener];
  const common = new Set<string>();
  for (const name of route) {
    if (covers(listener, name)) common.add(name);
    else if (covers(name, listener)) common.add(listener);
  }
  return common.size === 0 ? undefined : [...common];
}

/** `*.example.com` covers itself, `a.example.com`, `a.b.example.com` and `*.a.example.com`, not `example.com`. */
function covers(pattern: string, name: string): boolean {
  if (pattern === name) return true;
  return pattern.startsWith('*.') && name.endsWith(pattern.slice(1)) && name.length > pattern.length - 1;
}
