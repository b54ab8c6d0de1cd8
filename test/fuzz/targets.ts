import type { FuzzTarget } from './target.ts';
import { headers, path } from './targets/canonical.ts';
import { bootstrapText, xds } from './targets/configuration.ts';
import { clientHello, nameFiles, proxyHeader } from './targets/connection.ts';
import { http1Request, http1Response } from './targets/http1.ts';
import { hpack, http2Client, http2Server } from './targets/http2.ts';

/** Everything in the data plane that reads bytes of others. */
export const targets: readonly FuzzTarget[] = [
  http1Request,
  http1Response,
  http2Server,
  http2Client,
  hpack,
  path,
  headers,
  proxyHeader,
  clientHello,
  nameFiles,
  xds,
  bootstrapText,
];
