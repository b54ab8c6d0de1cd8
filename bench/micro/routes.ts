import { compileRouteTable } from '../../sidecar/route/compile.ts';
import { matchRoute } from '../../sidecar/route/match.ts';
import { noMutation, type Route, type VirtualHost } from '../../sidecar/route/route-table.ts';
import type { RequestHead } from '../../sidecar/stream/head.ts';
import { Headers } from '../../sidecar/stream/headers.ts';

// What it costs to find a route, by the number of routes and of virtual hosts: node bench/micro/routes.ts [--seconds 0.3]

const seconds = Number(process.argv[process.argv.indexOf('--seconds') + 1]) || 0.3;

function route(name: string, path: Route['match']['path']): Route {
  return {
    name,
    match: { path, headers: [], query: [] },
    action: { kind: 'respond', status: 200, body: '' },
    responseHeaders: noMutation,
  };
}

/** As services have them: some exact paths, mostly prefixes, `/` at the end. */
function routes(count: number): Route[] {
  const own = Array.from({ length: count - 1 }, (_, i) =>
    route(
      `r${i}`,
      i % 4 === 0
        ? { kind: 'exact', value: `/api/v${i % 3}/item-${i}` }
        : { kind: 'path-separated-prefix', value: `/api/v${i % 3}/section-${i}` },
    ),
  );
  return [...own, route('rest', { kind: 'prefix', value: '/' })];
}

const hosts = (count: number, each: number): VirtualHost[] =>
  Array.from({ length: count }, (_, i) => ({
    name: `h${i}`,
    domains: [`service-${i}.shop.svc.cluster.local`, `service-${i}.shop`],
    routes: routes(each),
  }));

function head(authority: string, path: string): RequestHead {
  return {
    method: 'GET',
    scheme: 'http',
    authority,
    path,
    headers: Headers.of({ accept: '*/*', 'user-agent': 'bench' }),
    version: '1.1',
    absoluteForm: false,
    upgrade: undefined,
    expectContinue: false,
    contentLength: undefined,
  };
}

/** Nanoseconds for one look-up, of requests all over the table. */
function measure(hostCount: number, routeCount: number): number {
  const table = compileRouteTable({ name: 'bench', virtualHosts: hosts(hostCount, routeCount) });
  const heads = Array.from({ length: 64 }, (_, i) => {
    const n = Math.floor(((i + 0.5) * routeCount) / 64);
    const path = i % 8 === 0 ? '/nowhere' : `/api/v${n % 3}/${n % 4 === 0 ? 'item' : 'section'}-${n}`;
    return head(`service-${(i * 7) % hostCount}.shop`, path);
  });
  const run = (rounds: number) => {
    let found = 0;
    for (let i = 0; i < rounds; i++) if (matchRoute(table, heads[i & 63] as RequestHead).kind === 'route') found++;
    return found;
  };
  run(200_000);
  let rounds = 0;
  const began = process.hrtime.bigint();
  let passed = 0;
  while (passed < seconds * 1e9) {
    run(50_000);
    rounds += 50_000;
    passed = Number(process.hrtime.bigint() - began);
  }
  return passed / rounds;
}

for (const [hostCount, routeCount] of [
  [1, 2],
  [1, 8],
  [1, 10],
  [1, 100],
  [1, 1_000],
  [10, 10],
  [1_000, 10],
  [1_000, 100],
] as const) {
  console.log(
    `${String(hostCount).padStart(5)} hosts × ${String(routeCount).padStart(5)} routes: ${measure(hostCount, routeCount).toFixed(0)} ns`,
  );
}
