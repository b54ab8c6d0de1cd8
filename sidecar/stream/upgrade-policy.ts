/** By the upgrade's name in lower case (`websocket`), whether requests may ask for it. */
export type UpgradeRules = Readonly<Record<string, boolean>>;

/** What a chain allows that says nothing. */
export const defaultUpgrades: UpgradeRules = { websocket: true };

/** As in Envoy: the route's word counts, then the chain's; what neither names is refused. `upgrade` is in lower case. */
export function mayUpgrade(chain: UpgradeRules, route: UpgradeRules | undefined, upgrade: string): boolean {
  if (route !== undefined && Object.hasOwn(route, upgrade)) return route[upgrade] === true;
  return Object.hasOwn(chain, upgrade) && chain[upgrade] === true;
}
