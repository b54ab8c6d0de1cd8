import { expect, test } from 'vitest';
import { until } from '../harness/process.ts';
import { RawClient } from '../harness/raw-http.ts';
import { canary, startBench } from './bench.ts';

// One table of ways to hide a second request behind a first. Whatever the proxy makes of the first, the upstream
// must never see the second.

const bench = startBench();
const admin = 'GET /admin HTTP/1.1\r\nHost: a.test\r\n\r\n';
const size = admin.length;
const hex = size.toString(16);
const request = (lines: string, body: string, line = 'POST /front HTTP/1.1') =>
  `${line}\r\nHost: a.test\r\n${lines}\r\n${body}`;

/** The request hidden as the body that one reader sees and another does not. */
const variants: Readonly<Record<string, string>> = {
  'CL.TE': request(`Content-Length: ${size + 5}\r\nTransfer-Encoding: chunked\r\n`, `0\r\n\r\n${admin}`),
  'TE.CL': request('Transfer-Encoding: chunked\r\nContent-Length: 4\r\n', `${hex}\r\n${admin}\r\n0\r\n\r\n`),
  'CL.CL, the first short': request(`Content-Length: 0\r\nContent-Length: ${size}\r\n`, admin),
  'CL.CL, the second short': request(`Content-Length: ${size}\r\nContent-Length: 0\r\n`, admin),
  'CL list': request(`Content-Length: 0, ${size}\r\n`, admin),
  'CL with sign': request(`Content-Length: +${size}\r\n`, admin),
  'CL negative': request('Content-Length: -1\r\n', admin),
  'CL hexadecimal': request(`Content-Length: 0x${hex}\r\n`, admin),
  'CL octal': request(`Content-Length: 0${size}\r\n`, admin),
  'CL with a fraction': request(`Content-Length: ${size}.0\r\n`, admin),
  'CL with an exponent': request('Content-Length: 0e1\r\n', admin),
  'CL with a space inside': request('Content-Length: 0 0\r\n', admin),
  'CL with a vertical tab': request('Content-Length: \x0b0\r\n', admin),
  'CL empty': request('Content-Length:\r\n', admin),
  'CL that wraps at 2^32': request('Content-Length: 4294967296\r\n', admin),
  'CL that wraps at 2^64': request('Content-Length: 18446744073709551616\r\n', admin),
  'CL name with a space': request(`Content-Length : ${size}\r\n`, admin),
  'CL name with an underscore': request(`Content_Length: ${size}\r\n`, admin),
  'CL folded': request(`Content-Length:\r\n ${size}\r\n`, admin),
  'CL behind a bare CR': request(`X: y\rContent-Length: ${size}\r\n`, admin),
  'CL behind a bare LF': request(`X: y\nContent-Length: ${size}\r\n`, admin),
  'CL behind a NUL': request(`X: y\0\r\nContent-Length: ${size}\r\n`, admin),
  'CL in Latin digits of another script': request('Content-Length: \xb2\r\n', admin),
  'CL named by Connection': request(`Connection: content-length\r\nContent-Length: ${size}\r\n`, admin),
  'TE xchunked': request('Transfer-Encoding: xchunked\r\n', `0\r\n\r\n${admin}`),
  'TE chunkedx': request('Transfer-Encoding: chunkedx\r\n', `0\r\n\r\n${admin}`),
  'TE behind a vertical tab': request('Transfer-Encoding: \x0bchunked\r\n', `0\r\n\r\n${admin}`),
  'TE behind a form feed': request('Transfer-Encoding: \x0cchunked\r\n', `0\r\n\r\n${admin}`),
  'TE behind a tab': request('Transfer-Encoding:\tchunked\r\n', `${hex}\r\n${admin}\r\n0\r\n\r\n`),
  'TE before a tab': request('Transfer-Encoding: chunked\t\r\n', `${hex}\r\n${admin}\r\n0\r\n\r\n`),
  'TE in upper case': request('TRANSFER-ENCODING: CHUNKED\r\n', `${hex}\r\n${admin}\r\n0\r\n\r\n`),
  'TE quoted': request('Transfer-Encoding: "chunked"\r\n', `0\r\n\r\n${admin}`),
  'TE with a parameter': request('Transfer-Encoding: chunked;q=1\r\n', `0\r\n\r\n${admin}`),
  'TE identity': request('Transfer-Encoding: identity\r\n', admin),
  'TE identity beside CL': request(`Transfer-Encoding: identity\r\nContent-Length: ${size}\r\n`, admin),
  'TE chunked, identity': request('Transfer-Encoding: chunked, identity\r\n', `0\r\n\r\n${admin}`),
  'TE identity, chunked': request('Transfer-Encoding: identity, chunked\r\n', `0\r\n\r\n${admin}`),
  'TE gzip, chunked': request('Transfer-Encoding: gzip, chunked\r\n', `0\r\n\r\n${admin}`),
  'TE twice': request('Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n', `0\r\n\r\n${admin}`),
  'TE twice, chunked last': request('Transfer-Encoding: x\r\nTransfer-Encoding: chunked\r\n', `0\r\n\r\n${admin}`),
  'TE list with an empty member': request('Transfer-Encoding: ,chunked\r\n', `0\r\n\r\n${admin}`),
  'TE name with a space': request('Transfer-Encoding : chunked\r\n', `0\r\n\r\n${admin}`),
  'TE name with a tab': request('Transfer-Encoding\t: chunked\r\n', `0\r\n\r\n${admin}`),
  'TE name behind a space': request(' Transfer-Encoding: chunked\r\n', `0\r\n\r\n${admin}`),
  'TE name with an underscore': request('Transfer_Encoding: chunked\r\n', `0\r\n\r\n${admin}`),
  'TE folded': request('Transfer-Encoding:\r\n chunked\r\n', `0\r\n\r\n${admin}`),
  'TE behind a bare LF': request('X: y\nTransfer-Encoding: chunked\r\n', `0\r\n\r\n${admin}`),
  'TE named by Connection': request(
    'Connection: transfer-encoding\r\nTransfer-Encoding: chunked\r\n',
    `${hex}\r\n${admin}\r\n0\r\n\r\n`,
  ),
  'TE in HTTP/1.0': request('Transfer-Encoding: chunked\r\n', `0\r\n\r\n${admin}`, 'POST /front HTTP/1.0'),
  'chunk size with 0x': request('Transfer-Encoding: chunked\r\n', `0x0\r\n\r\n${admin}`),
  'chunk size with a space': request('Transfer-Encoding: chunked\r\n', `0 \r\n\r\n${admin}`),
  'chunk size with a sign': request('Transfer-Encoding: chunked\r\n', `-0\r\n\r\n${admin}`),
  'chunk size that wraps': request('Transfer-Encoding: chunked\r\n', `10000000000000000\r\n\r\n${admin}`),
  'chunk size ended by LF': request('Transfer-Encoding: chunked\r\n', `0\n\r\n${admin}`),
  'chunk size ended by CR': request('Transfer-Encoding: chunked\r\n', `0\r\r\n${admin}`),
  'chunk extension ended by LF': request('Transfer-Encoding: chunked\r\n', `2;\nxx\r\n${hex}\r\n0\r\n\r\n${admin}`),
  'chunk extension with a CR': request('Transfer-Encoding: chunked\r\n', `2;a\rb\r\nxx\r\n0\r\n\r\n${admin}`),
  'chunk data too long': request('Transfer-Encoding: chunked\r\n', `2\r\nxxx\r\n0\r\n\r\n${admin}`),
  'chunk data ended by LF': request('Transfer-Encoding: chunked\r\n', `2\r\nxx\n0\r\n\r\n${admin}`),
  'trailer Content-Length': request('Transfer-Encoding: chunked\r\n', `0\r\nContent-Length: ${size}\r\n\r\n${admin}`),
  'trailer that ends in a bare LF': request('Transfer-Encoding: chunked\r\n', `0\r\nX: y\n\r\n${admin}`),
  'GET with a body': request(`Content-Length: ${size}\r\n`, admin, 'GET /front HTTP/1.1'),
  'HEAD with a body': request(`Content-Length: ${size}\r\n`, admin, 'HEAD /front HTTP/1.1'),
  'request line with LF': request('', admin, 'GET /front HTTP/1.1\nX: y'),
  'request line with two targets': request('', '', `GET /front HTTP/1.1\r\nHost: a.test\r\n\rGET /admin HTTP/1.1`),
  'target with CRLF encoded': request('', '', 'GET /front%0d%0aGET%20/admin HTTP/1.1').replace('/admin', '/other'),
  'HTTP/0.9': `GET /front\r\n${admin}`,
  'Connection: close': request('Connection: close\r\n', admin, 'GET /front HTTP/1.1'),
  'Upgrade with early data': request('Connection: Upgrade\r\nUpgrade: websocket\r\n', admin, 'GET /front HTTP/1.1'),
  'Upgrade with a body': request(`Connection: Upgrade\r\nUpgrade: websocket\r\nContent-Length: ${size}\r\n`, admin),
  'Upgrade h2c with early data': request(`Connection: Upgrade\r\nUpgrade: h2c\r\nContent-Length: ${size}\r\n`, admin),
  'CONNECT with early data': request('', admin, 'CONNECT a.test:80 HTTP/1.1'),
  'Expect with the body at once': request(`Expect: 100-continue\r\nContent-Length: ${size}\r\n`, admin),
  'Expect garbled': request(`Expect: x 100-continue\r\nContent-Length: ${size}\r\n`, admin),
};

/**
 * Variants in which nothing is hidden inside the mesh: where names with an underscore are dropped, the second request
 * is an ordinary pipelined one, and where CONNECT is served, it stands in the tunnel.
 */
const plain: Readonly<Record<'edge' | 'inbound' | 'outbound', RegExp>> = {
  edge: /^$/,
  inbound: /underscore/,
  outbound: /underscore|^CONNECT/,
};

for (const kind of ['edge', 'inbound', 'outbound'] as const) {
  test(`no variant carries a second request through the ${kind} listener, in one piece or in many`, async () => {
    const proxy = bench[kind];
    for (const [name, input] of Object.entries(variants)) {
      if (plain[kind].test(name)) continue;
      for (const pieces of [[input], input.match(/[\s\S]{1,7}/g) as string[]]) {
        const client = await RawClient.connect(proxy.port, { allowHalfOpen: true });
        await client.sendApart(pieces);
        client.fin();
        await client.end();
        await client.close();
        const targets = () => bench.upstream.requests.map(({ target }) => target);
        expect(targets(), `${name} in ${pieces.length} pieces`).not.toContain('/admin');
        await until(() => proxy.quiet, 'the request to end');
      }
      await canary(bench, proxy);
    }
    const heads = bench.upstream.requests.map(({ target }) => target);
    expect(heads.filter((target) => !/^\/(canary|front)/.test(target))).toEqual([]);
  });
}

test('a smuggled request does not wait on the connection for the next client', async () => {
  // One upstream connection for everyone: whatever a variant leaves on it would answer the canary.
  const proxy = await bench.start({
    cluster: {
      breakers: {
        maxConnections: 1,
        maxPendingRequests: 1_024,
        maxRequests: 1_024,
        retryBudgetPercent: 20,
        minRetryConcurrency: 3,
      },
    },
  });
  for (const input of Object.values(variants)) {
    const client = await RawClient.connect(proxy.port, { allowHalfOpen: true });
    client.send(input).fin();
    await canary(bench, proxy);
    await client.close();
  }
});
