import type { Filter } from '../../proto/gen/envoy/config/listener/v3/listener_components.ts';
import { Filter as FilterMessage } from '../../proto/gen/envoy/config/listener/v3/listener_components.ts';
import { Router } from '../../proto/gen/envoy/extensions/filters/http/router/v3/router.ts';
import { HttpConnectionManager } from '../../proto/gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager.ts';
import { TcpProxy } from '../../proto/gen/envoy/extensions/filters/network/tcp_proxy/v3/tcp_proxy.ts';
import { inboundName } from './names.ts';
import { adsSource, durationFromMs, packAny } from './proto-values.ts';

const router = packAny(Router, Router.fromPartial({}));
const meshIdleMs = 3_600_000;
const edgeIdleMs = 60_000;

type RouteSpecifier = HttpConnectionManager['routeSpecifier'];

/** The HTTP filter of a chain. `edge` marks connections from outside the mesh (`use_remote_address`). */
export function httpFilter(statPrefix: string, routeSpecifier: RouteSpecifier, edge: boolean): Filter {
  return FilterMessage.fromPartial({
    name: 'envoy.filters.network.http_connection_manager',
    configType: {
      $case: 'typedConfig',
      value: packAny(
        HttpConnectionManager,
        HttpConnectionManager.fromPartial({
          statPrefix,
          routeSpecifier,
          httpFilters: [{ name: 'envoy.filters.http.router', configType: { $case: 'typedConfig', value: router } }],
          commonHttpProtocolOptions: { idleTimeout: durationFromMs(edge ? edgeIdleMs : meshIdleMs) },
          requestHeadersTimeout: durationFromMs(10_000),
          // WebSockets, over HTTP/2 by extended CONNECT.
          upgradeConfigs: [{ upgradeType: 'websocket' }],
          http2ProtocolOptions: { maxConcurrentStreams: edge ? 100 : 1_024, allowConnect: true },
          useRemoteAddress: edge,
        }),
      ),
    },
  });
}

/** Routes delivered by name over the same ADS stream. */
export function rdsRoutes(name: string): RouteSpecifier {
  return HttpConnectionManager.fromPartial({
    routeSpecifier: { $case: 'rds', value: { routeConfigName: name, configSource: adsSource } },
  }).routeSpecifier;
}

/** Everything to the application. Without time-outs: the caller's proxy keeps time. */
export function inboundRoutes(appPort: number): RouteSpecifier {
  const name = inboundName(appPort);
  return HttpConnectionManager.fromPartial({
    routeSpecifier: {
      $case: 'routeConfig',
      value: {
        name,
        virtualHosts: [
          {
            name,
            domains: ['*'],
            routes: [
              {
                name,
                match: { pathSpecifier: { $case: 'prefix', value: '/' } },
                action: {
                  $case: 'route',
                  value: {
                    clusterSpecifier: { $case: 'cluster', value: name },
                    timeout: durationFromMs(0),
                    idleTimeout: durationFromMs(0),
                  },
                },
              },
            ],
          },
        ],
      },
    },
  }).routeSpecifier;
}

/** The TCP filter of a chain: relays to a cluster. */
export function tcpFilter(cluster: string): Filter {
  return FilterMessage.fromPartial({
    name: 'envoy.filters.network.tcp_proxy',
    configType: {
      $case: 'typedConfig',
      value: packAny(
        TcpProxy,
        TcpProxy.fromPartial({
          statPrefix: cluster,
          clusterSpecifier: { $case: 'cluster', value: cluster },
          idleTimeout: durationFromMs(meshIdleMs),
        }),
      ),
    },
  });
}
