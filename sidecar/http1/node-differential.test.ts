import http from 'node:http';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { differentialInputs } from '../../test/fuzz/http1/differential-inputs.ts';
import { ServerDriver } from '../../test/fuzz/http1/drive-server.ts';
import { NodeOracle, type NodeVerdict } from '../../test/fuzz/http1/node-oracle.ts';

// The same bytes put to this codec and to Node's own parser on a real socket. Where both see a request, they must see
// the same one: that is what request smuggling is made of. Where one refuses, this table says why.

/** Reasons for which this codec refuses what Node serves. */
const stricter: Readonly<Record<string, string>> = {
  'h1.method-not-allowed': 'TRACE echoes secrets, CONNECT is not configured',
  'h1.bad-target': 'a target of no form of RFC 9112 §3.2, * without OPTIONS among them',
  'h1.bad-target-byte': 'a fragment is not part of a request target',
  'h1.backslash-in-path': 'servers take a backslash for a slash, or not',
  'h1.malformed-request-line': 'RFC 9112 §3: single spaces; Node forgives two',
  'h1.version-not-supported': 'Node takes HTTP/0.9 and 2.0 in a request line',
  'h1.bad-host': 'Node does not look at the value of Host',
  'h1.duplicate-host': 'RFC 9112 §3.2 MUST; Node takes the first',
  'h1.missing-host': 'Node answers 400 too, without an error event',
  'h1.bad-connection': 'options are tokens; what is stripped must be certain',
  'h1.field-too-large': 'L-03: 8 KiB a field; Node limits the whole head only',
  'h1.too-many-fields': 'L-02: 100 fields; Node cuts the list silently at its own limit',
  'h1.bad-expect': 'Node leaves it to an event',
  'h1.bad-content-length': 'leading zeros split parsers',
  'h1.unsupported-transfer-coding': 'Node passes on a coding that it did not decode',
  'h1.bad-transfer-encoding': 'Node forgives other codings in front',
  'h1.bad-chunk-size': 'at most 16 digits',
  'h1.chunk-extensions-too-large': 'L-06: 4 KiB; Node allows 16',
  'h1.leading-crlf': 'one empty line is forgiven, Node forgives any number',
  'h1.bare-lf': 'Node forgives it before the request line',
};

/** Other differences, none of which changes what a request is. */
const harmless: Readonly<Record<string, string>> = {
  'fewer methods': 'Node knows a list of methods; inside the mesh any is forwarded',
  'after close': 'what follows Connection: close is ignored here (H1-36) and an error there',
  truncated: 'an end in the middle is a reset here and an error there',
  'upgrade waits': 'a switch of protocols waits for its answer, and nothing behind it is read',
  'upgrade ends': 'Node reads nothing as HTTP behind an upgrade; h2c is stripped here and the connection goes on',
};

let oracle: NodeOracle;
beforeAll(async () => {
  oracle = await NodeOracle.start();
});
afterAll(() => oracle.close());

/** How the two differ: a reason of `stricter`, a key of `harmless`, or something that must not be. */
function difference(input: string, driver: ServerDriver, node: NodeVerdict): string | undefined {
  const ours = driver.requests.filter((request) => request.ended);
  for (let i = 0; i < Math.min(ours.length, node.requests.length); i++) {
    const [a, b] = [ours[i]!, node.requests[i]!];
    const same = a.head.method === b.method && a.body === b.body && (a.head.absoluteForm || a.head.path === b.url);
    if (!same) return `different request: ${JSON.stringify([a.head.method, a.head.path, a.body])} ${JSON.stringify(b)}`;
  }
  const refused = driver.refused.find((refusal) => !refusal.startsWith('0 '))?.split(' ')[1];
  if (ours.length === node.requests.length && (refused !== undefined) === node.refused) return undefined;
  if (ours.length > node.requests.length) {
    if (!http.METHODS.includes(ours[node.requests.length]!.head.method)) return 'fewer methods';
    return /\r\nupgrade:/i.test(input) ? 'upgrade ends' : 'more requests than Node';
  }
  if (refused !== undefined) return refused;
  if (driver.requests.at(-1)?.head.upgrade !== undefined) return 'upgrade waits';
  if (driver.transport.written.includes('connection: close')) return 'after close';
  return ours.length === node.requests.length ? 'truncated' : 'fewer requests than Node';
}

test('where this codec and Node both see a request it is the same, and every refusal of one is explained', async () => {
  const seen = new Map<string, string>();
  const inputs = differentialInputs();
  expect(inputs.length).toBeGreaterThan(400);
  for (const input of inputs) {
    const bytes = Buffer.from(input, 'latin1');
    const node = await oracle.judge(bytes);
    const driver = new ServerDriver({ edge: false }).send([bytes]);
    driver.codec.onEnd();
    driver.finish();
    const found = difference(input, driver, node);
    if (found !== undefined && !seen.has(found)) seen.set(found, input);
  }
  const explained = [...Object.keys(stricter), ...Object.keys(harmless)];
  expect([...seen].filter(([found]) => !explained.includes(found))).toEqual([]);
  // An explanation without a case has outlived its cause.
  expect(explained.filter((reason) => !seen.has(reason))).toEqual([]);
});
