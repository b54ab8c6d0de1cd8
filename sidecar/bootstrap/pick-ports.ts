import { FreePorts } from '../../lib/free-ports.ts';
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
  const free = new FreePorts();
  const pick = async (key: string, wanted: number, address: string): Promise<number> => {
    if (wanted !== 0) return wanted;
    const port = await free.next(address, before[key] ?? 0);
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
