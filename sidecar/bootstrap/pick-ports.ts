import net from 'node:net';
import type { SealedFile } from './sealed-file.ts';
import type { SidecarOptions } from './sidecar-options.ts';

/** Every port left to chance has a number now. */
export interface PickedPorts {
  ports: SidecarOptions['ports'];
  upstreams: SidecarOptions['upstreams'];
  /** 0 for no forward proxy. */
  outboundPort: number;
}

/**
 * Picks free ports where 0 was asked for. They must be known before the workload is registered. With a state
 * file the same ones are taken again after a restart, so that the last good configuration still fits.
 */
export async function pickPorts(options: SidecarOptions, file: SealedFile | undefined): Promise<PickedPorts> {
  const before = readPicks(file);
  const picks: Record<string, number> = {};
  const taken = new Set<number>();
  const pick = async (key: string, wanted: number, address: string): Promise<number> => {
    if (wanted !== 0) return wanted;
    const port = await freePort(address, before[key] ?? 0, taken);
    taken.add(port);
    picks[key] = port;
    return port;
  };
  const sidecar = options.mode === 'sidecar';
  const ports = [];
  for (const port of options.ports) {
    const inboundPort = await pick(`inbound ${port.appPort}`, port.inboundPort, options.address);
    ports.push({ ...port, inboundPort });
  }
  const upstreams = [];
  for (const { service, localPort } of options.upstreams) {
    upstreams.push({ service, localPort: await pick(`upstream ${service}`, localPort, '127.0.0.1') });
  }
  const outboundPort =
    sidecar && options.outboundPort >= 0 ? await pick('outbound', options.outboundPort, '127.0.0.1') : 0;
  if (Object.keys(picks).length > 0) file?.write(Buffer.from(JSON.stringify(picks)));
  return { ports, upstreams, outboundPort };
}

function readPicks(file: SealedFile | undefined): Readonly<Record<string, number>> {
  const stored = file?.read();
  return stored?.ok ? (JSON.parse(stored.contents.toString('utf8')) as Record<string, number>) : {};
}

async function freePort(address: string, preferred: number, taken: ReadonlySet<number>): Promise<number> {
  for (let attempt = 0; attempt < 20; attempt++) {
    const port = await tryPort(address, attempt === 0 ? preferred : 0);
    if (port !== undefined && !taken.has(port)) return port;
  }
  throw new Error(`no free port on ${address}`);
}

function tryPort(address: string, wanted: number): Promise<number | undefined> {
  return new Promise((resolve) => {
    const server = net.createServer();
    server.once('error', () => resolve(undefined));
    server.listen({ host: address, port: wanted, exclusive: true }, () => {
      const bound = server.address();
      server.close(() => resolve(typeof bound === 'object' ? bound?.port : undefined));
    });
  });
}
