import assert from 'node:assert/strict';
import { checkRequestBytes } from '../http1/check-request.ts';
import { corpus } from '../http1/corpus.ts';
import { cuts } from '../http1/cuts.ts';
import { ClientDriver } from '../http1/drive-client.ts';
import { mutate } from '../http1/mutate.ts';
import type { FuzzTarget } from '../target.ts';

export const http1Request: FuzzTarget = {
  name: 'http1-request',
  make: (random) => mutate(corpus, random),
  check: checkRequestBytes,
};

const responses = [
  'HTTP/1.1 200 OK\r\nContent-Length: 5\r\nETag: x\r\n\r\nhello',
  'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;x\r\nhello\r\n0\r\nA: b\r\n\r\n',
  'HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n',
  'HTTP/1.1 200\r\nConnection: close\r\n\r\nuntil the end',
  'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nraw',
];

export const http1Response: FuzzTarget = {
  name: 'http1-response',
  make: (random) => mutate(responses, random),
  check(input, random) {
    const upgrade = random() < 0.3 ? 'websocket' : undefined;
    let first: string | undefined;
    for (const chunks of cuts(input, random)) {
      if (first !== undefined && random() > 0.1) continue;
      const client = new ClientDriver();
      client.open({ upgrade });
      client.send(chunks);
      client.codec.onEnd();
      const outcome = outcomeOf(client);
      first ??= outcome;
      assert.equal(outcome, first, 'a cut of the bytes changed the outcome');
      assert.deepEqual(client.violations, []);
    }
  },
};

/**
 * Bytes behind a response that ends its connection are seen where they came with its last one, and otherwise never
 * read: the connection is given up either way.
 */
function outcomeOf(client: ClientDriver): string {
  const { closed, destroyed, ...seen } = JSON.parse(JSON.stringify(client.finish())) as Record<string, unknown>;
  const [reason] = client.closed;
  const givenUp = reason === 'h1.connection-close' || reason === 'h1.unsolicited-bytes';
  return JSON.stringify(givenUp ? seen : { ...seen, closed, destroyed });
}
