import net from 'node:net';

/**
 * Tries whether an address can be bound, so that a port conflict is known before a listener is acknowledged.
 * Answers why not, or `undefined`. Port 0 always can.
 */
export function probePort(address: string, port: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const server = net.createServer();
    server.once('error', (error: NodeJS.ErrnoException) => {
      resolve(`cannot bind ${address}:${port}: ${error.code ?? error.message}`);
    });
    server.listen({ host: address, port, exclusive: true }, () => server.close(() => resolve(undefined)));
  });
}
