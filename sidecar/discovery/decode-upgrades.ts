import { RouteAction_UpgradeConfig as RouteUpgrade } from '../../proto/gen/envoy/config/route/v3/route_components.ts';
import { HttpConnectionManager_UpgradeConfig as ChainUpgrade } from '../../proto/gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager.ts';
import type { UpgradeRules } from '../stream/upgrade-policy.ts';
import { fieldsOf } from './message-fields.ts';
import type { Reader } from './reader.ts';

export const chainUpgradeFields = fieldsOf(ChainUpgrade, { supported: ['upgradeType', 'enabled'] });
export const routeUpgradeFields = fieldsOf(RouteUpgrade, { supported: ['upgradeType', 'enabled'] });

/** Reads `upgrade_configs` of a connection manager. */
export function decodeChainUpgrades(reader: Reader, path: string, configs: readonly ChainUpgrade[]): UpgradeRules {
  for (const [index, config] of configs.entries()) reader.only(`${path}[${index}]`, config, chainUpgradeFields);
  return rulesOf(reader, path, configs);
}

/** Reads `upgrade_configs` of a route. */
export function decodeRouteUpgrades(reader: Reader, path: string, configs: readonly RouteUpgrade[]): UpgradeRules {
  for (const [index, config] of configs.entries()) reader.only(`${path}[${index}]`, config, routeUpgradeFields);
  return rulesOf(reader, path, configs);
}

function rulesOf(
  reader: Reader,
  path: string,
  configs: readonly { upgradeType: string; enabled: boolean | undefined }[],
): UpgradeRules {
  const rules: Record<string, boolean> = {};
  for (const [index, { upgradeType, enabled }] of configs.entries()) {
    const at = `${path}[${index}].upgrade_type`;
    const name = reader.required(at, upgradeType).toLowerCase();
    if (name === 'connect') reader.problem(at, 'tunnels are opened by the forward proxy only');
    if (Object.hasOwn(rules, name)) reader.problem(at, `${name} is there twice`);
    rules[name] = enabled ?? true;
  }
  return rules;
}
