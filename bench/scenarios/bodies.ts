import { wrk } from '../load/wrk.ts';
import { envoy } from '../peers/envoy.ts';
import { haproxy } from '../peers/haproxy.ts';
import { heddleGateway, heddlePair } from '../peers/heddle.ts';
import { nginx } from '../peers/nginx.ts';
import { atMost, type Scenario } from '../scenario.ts';

const sizes = { '64k': 65_536, '4m': 4_194_304 } as const;
const connections = { '64k': 32, '4m': 8 } as const;

function bodies(shape: 'gateway' | 'pair', way: 'download' | 'upload', size: keyof typeof sizes): Scenario {
  const hop = shape === 'pair';
  const bodyBytes = sizes[size];
  return {
    name: `${hop ? 'hop-' : ''}${way}-${size}`,
    description: `${way} of bodies of ${size === '64k' ? '64 KiB' : '4 MiB'} over HTTP/1${hop ? ' through a pair with mutual TLS between' : ''}, ${connections[size]} connections`,
    unit: 'MiB',
    reference: 'nginx',
    expected: [atMost(0.9, 'nginx')],
    candidates: [nginx(shape), haproxy(shape), envoy(shape), hop ? heddlePair : heddleGateway],
    load: ({ port }, { core, seconds }) =>
      wrk(port, core, seconds, {
        connections: connections[size],
        bodyBytes,
        ...(way === 'upload' ? { path: '/upload', uploadBytes: bodyBytes } : { path: `/${size}` }),
      }),
  };
}

export const bodyScenarios: readonly Scenario[] = (['gateway', 'pair'] as const).flatMap((shape) =>
  (['download', 'upload'] as const).flatMap((way) => [bodies(shape, way, '64k'), bodies(shape, way, '4m')]),
);
