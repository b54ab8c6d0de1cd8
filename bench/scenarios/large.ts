import { wrk } from '../load/wrk.ts';
import { envoy } from '../peers/envoy.ts';
import { heddle, heddleGateway, heddleWithEverything } from '../peers/heddle.ts';
import { nginx } from '../peers/nginx.ts';
import { routeCount } from '../peers/shape.ts';
import { atMost, type Scenario } from '../scenario.ts';

/** First, last and some between; so few that connections to their clusters stay in use. */
const paths = [0, 111, 222, 333, 444, 555, 777, 999].map((n) => `/route/${n}/`);

export const routes: Scenario = {
  name: 'routes',
  description: `HTTP/1, 64 connections, ${routeCount} routes to ${routeCount} clusters beside one route to one cluster`,
  unit: 'request',
  reference: 'heddle, one route',
  expected: [atMost(1.1, 'heddle, one route')],
  candidates: [
    nginx('gateway', 'nginx, one route'),
    nginx('routes'),
    envoy('gateway', 'envoy, one route'),
    envoy('routes'),
    heddle('gateway', 'heddle, one route'),
    heddle('routes'),
  ],
  load: ({ port }, { core, seconds }) => wrk(port, core, seconds, { connections: 64, paths }),
};

export const everything: Scenario = {
  name: 'everything',
  description:
    'HTTP/1, 64 connections: a span of every request sent, access log written, metrics, retries; beside none of it',
  unit: 'request',
  reference: 'heddle',
  expected: [atMost(1.25, 'heddle', 'everything')],
  candidates: [heddleGateway, heddleWithEverything],
  load: ({ port }, { core, seconds }) => wrk(port, core, seconds, { connections: 64 }),
};
