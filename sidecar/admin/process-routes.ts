import type { LogLevel } from '../../lib/log.ts';
import { type AdminRoute, json, text } from './admin-route.ts';
import type { AdminSource } from './admin-source.ts';

const levels: readonly string[] = ['debug', 'info', 'warn', 'error', 'off'] satisfies LogLevel[];

/** How the process does, and the few things that may be asked of it. */
export function processRoutes(source: AdminSource): AdminRoute[] {
  return [
    {
      method: 'GET',
      path: '/ready',
      help: '200 and LIVE when requests are served, otherwise 503',
      handle: () => readiness(source),
    },
    {
      method: 'GET',
      path: '/server_info',
      help: 'version, state and up-time',
      handle: () => {
        const uptime = `${Math.floor(process.uptime())}s`;
        const info = { state: source.ready().state, uptime_current_epoch: uptime, uptime_all_epochs: uptime };
        return json({ ...info, ...source.serverInfo() });
      },
    },
    {
      method: 'GET',
      path: '/memory',
      help: 'memory in bytes',
      handle: () => {
        const { heapUsed, heapTotal, rss, external } = process.memoryUsage();
        const bytes = { allocated: heapUsed, heap_size: heapTotal, total_physical_bytes: rss, external };
        return json(Object.fromEntries(Object.entries(bytes).map(([name, value]) => [name, String(value)])));
      },
    },
    {
      method: 'POST',
      path: '/logging',
      help: `?level=${levels.join('|')}`,
      handle: (query) => {
        const level = query.get('level') ?? '';
        if (!isLevel(level)) return text(`level must be one of ${levels.join(', ')}\n`, 400);
        source.setLogLevel(level);
        return text(`log level is ${level}\n`);
      },
    },
    {
      method: 'POST',
      path: '/drain_listeners',
      help: 'stop accepting, finish what runs',
      handle: () => accepted(() => source.drain()),
    },
    {
      method: 'POST',
      path: '/quitquitquit',
      help: 'end the process in order',
      handle: () => accepted(() => source.quit()),
    },
  ];
}

/** Envoy's words: `LIVE`, or 503 and the state; the reason on a second line. */
export function readiness(source: Pick<AdminSource, 'ready'>) {
  const { state, detail } = source.ready();
  return text(`${state}\n${detail === '' ? '' : `${detail}\n`}`, state === 'LIVE' ? 200 : 503);
}

function accepted(act: () => void) {
  act();
  return text('OK\n');
}

function isLevel(level: string): level is LogLevel {
  return levels.includes(level);
}
