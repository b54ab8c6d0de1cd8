import { afterEach, beforeEach, expect, test } from 'vitest';
import { FakeClock } from '../../lib/clock.ts';
import type { Condition } from '../../proto/api/v1.ts';
import { loadFiles } from '../config/load-files.ts';
import { openTestState, type TestState } from '../store/test-state.ts';
import { Registry } from './registry.ts';

let clock: FakeClock;
let state: TestState;
let registry: Registry;
beforeEach(() => {
  clock = new FakeClock();
  state = openTestState(clock);
  registry = new Registry({
    store: state.store,
    health: { isHealthy: () => true, subscribe: () => () => {} },
    trustDomain: 'cluster.local',
    clock,
  });
});
afterEach(() => {
  registry.close();
  state.dispose();
});

/** Applies in one second, and looks an hour later: when it is looked shall not matter. */
function apply(yaml: string): string {
  clock.advance(1_000);
  const at = new Date(clock.wallTime()).toISOString();
  state.store.transaction(() => {
    for (const { resource } of loadFiles([{ name: 'x.yaml', text: yaml }], 'shop').objects) {
      state.store.put(resource, 'api');
    }
  });
  clock.advance(3_600_000);
  return at;
}

const service = 'apiVersion: v1\nkind: Service\nmetadata: {name: cart}\nspec: {ports: [{port: 80}]}\n';
const route = `apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: cart}
spec: {parentRefs: [{kind: Service, group: "", name: cart}, {kind: Service, group: "", name: nowhere}], rules: [{}]}
`;

function accepted(): { status: string; since: string }[] {
  const status = registry.statusOf({ kind: 'HTTPRoute', metadata: { name: 'cart', namespace: 'shop' } });
  return (status.parents as { conditions: Condition[] }[]).map(({ conditions }) => {
    const found = conditions.find(({ type }) => type === 'Accepted');
    return { status: found?.status ?? '', since: found?.lastTransitionTime ?? '' };
  });
}

test('the time of a condition is that of its transition, not of the look at it, and differs between two parents', () => {
  const first = apply(route);
  expect(accepted()).toEqual([
    { status: 'False', since: first },
    { status: 'False', since: first },
  ]);
  const second = apply(service);
  const now = [
    { status: 'True', since: second },
    { status: 'False', since: first },
  ];
  expect(accepted()).toEqual(now);
  expect(accepted()).toEqual(now);
});

test('another message or an object beside it does not move the time; deleting forgets it', () => {
  apply(service);
  const since = apply(route);
  apply(service.replaceAll('cart', 'other'));
  apply(route.replace('rules: [{}]', 'rules: [{backendRefs: [{name: gone, port: 1}]}]'));
  expect(accepted()[0]).toEqual({ status: 'True', since });
  state.store.delete('HTTPRoute', 'shop', 'cart');
  const again = apply(route);
  expect(accepted()[0]).toEqual({ status: 'True', since: again });
});
