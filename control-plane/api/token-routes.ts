import { z } from 'zod';
import type { TokenResponse } from '../../proto/api/v1.ts';
import { dnsLabel } from '../model/names.ts';
import type { ApiParts } from './api-parts.ts';
import { type ApiRoute, json } from './api-route.ts';
import { parseBody } from './request-body.ts';

const tokenRequest = z.strictObject({
  namespace: dnsLabel,
  serviceAccount: dnsLabel,
  ttlSeconds: z
    .number()
    .int('must be a whole number')
    .min(1, 'must be 1 to 86400')
    .max(86_400, 'must be 1 to 86400')
    .default(600),
});

/** Join tokens for new sidecars. */
export function tokenRoutes({ tokens, proxies, ports, xdsHost }: ApiParts): readonly ApiRoute[] {
  return [
    {
      method: 'POST',
      pattern: '/api/v1/tokens',
      handle: ({ body, request }) => {
        const { token, expiresAt } = tokens.create(parseBody(body, tokenRequest));
        // Bound to every address: who reached the API on one of them reaches the xDS port there too.
        const anywhere = ['0.0.0.0', '::'].includes(xdsHost);
        const address = anywhere ? (request.socket.localAddress ?? '').replace(/^::ffff:/, '') : xdsHost;
        const host = address.includes(':') ? `[${address}]` : address;
        const response: TokenResponse = {
          token,
          expiresAt: new Date(expiresAt).toISOString(),
          trustBundle: proxies.trustBundlePem,
          xdsAddress: `${host}:${ports().xds}`,
        };
        return json(response, 200, { 'cache-control': 'no-store' });
      },
    },
  ];
}
