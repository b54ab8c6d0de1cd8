import http from 'node:http';
import net from 'node:net';

/** What Node's own server made of some bytes: its requests, and whether it refused what came after them. */
export interface NodeVerdict {
  requests: { method: string; url: string; fields: string[]; body: string }[];
  refused: boolean;
}

/** A `node:http` server on a free port that says what it understood. */
export class NodeOracle {
  readonly #server: http.Server;
  readonly #verdicts = new Map<net.Socket, NodeVerdict>();

  private constructor(server: http.Server) {
    this.#server = server;
    const verdict = (socket: net.Socket) => this.#verdicts.get(socket) as NodeVerdict;
    server.on('connection', (socket) => this.#verdicts.set(socket, { requests: [], refused: false }));
    const onRequest = (request: http.IncomingMessage, response: http.ServerResponse) => {
      const seen = { method: request.method ?? '', url: request.url ?? '', fields: request.rawHeaders, body: '' };
      request.on('data', (chunk: Buffer) => {
        seen.body += chunk.toString('latin1');
      });
      // A request counts when it is whole.
      request.on('end', () => {
        verdict(request.socket).requests.push(seen);
        response.end();
      });
    };
    server.on('request', onRequest);
    server.on('checkContinue', onRequest);
    const refuse = (socket: net.Socket) => {
      verdict(socket).refused = true;
      socket.end();
    };
    server.on('clientError', (_, socket) => refuse(socket as net.Socket));
    server.on('checkExpectation', (request) => refuse(request.socket));
    server.on('connect', (_, socket) => refuse(socket as net.Socket));
  }

  static async start(): Promise<NodeOracle> {
    const oracle = new NodeOracle(http.createServer());
    await new Promise<void>((resolve) => oracle.#server.listen(0, '127.0.0.1', resolve));
    return oracle;
  }

  /** Sends the bytes on a connection of their own, then FIN, and waits for the end. */
  judge(bytes: Buffer): Promise<NodeVerdict> {
    const { port } = this.#server.address() as net.AddressInfo;
    return new Promise((resolve, reject) => {
      this.#server.once('connection', (served: net.Socket) => {
        served.once('close', () => {
          resolve(this.#verdicts.get(served) as NodeVerdict);
          this.#verdicts.delete(served);
        });
      });
      const socket = net.connect(port, '127.0.0.1');
      socket.on('error', reject);
      socket.resume();
      socket.end(bytes);
    });
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}
