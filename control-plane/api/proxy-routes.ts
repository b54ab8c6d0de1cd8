import type { ProxyList } from '../../proto/api/v1.ts';
import type { ProxyView } from './api-parts.ts';
import { type ApiRoute, json } from './api-route.ts';
import { HttpError } from './http-error.ts';

const configTypes = ['clusters', 'listeners', 'routes', 'endpoints', 'secrets'];

/** What proxies are connected and what was computed for each. */
export function proxyRoutes(proxies: ProxyView): readonly ApiRoute[] {
  return [
    {
      method: 'GET',
      pattern: '/api/v1/proxies',
      handle: () => json({ items: [...proxies.proxies()] } satisfies ProxyList),
    },
    {
      method: 'GET',
      pattern: '/api/v1/proxies/:id/config/:type',
      handle: ({ parameters: { id = '', type = '' } }) => {
        if (!configTypes.includes(type)) {
          throw new HttpError(404, 'unknown-type', `the type must be one of ${configTypes.join(', ')}`);
        }
        const config = proxies.proxyConfig(id, type);
        if (config === undefined) {
          throw new HttpError(404, 'not-found', `no proxy ${JSON.stringify(id.slice(0, 130))} is known`);
        }
        return json(config);
      },
    },
  ];
}
