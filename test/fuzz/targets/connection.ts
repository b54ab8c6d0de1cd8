import assert from 'node:assert/strict';
import { parseHostsFile } from '../../../sidecar/cluster/dns/hosts-file.ts';
import { candidateNames, parseResolvConf } from '../../../sidecar/cluster/dns/resolv-conf.ts';
import { ClientHelloReader, maxClientHelloBytes } from '../../../sidecar/net/client-hello.ts';
import { readProxyHeader } from '../../../sidecar/net/proxy-header.ts';
import { damage, type FuzzTarget, pick } from '../target.ts';

const signature = Buffer.from('\r\n\r\n\0\r\nQUIT\n', 'latin1');
const proxyHeaders = [
  Buffer.from('PROXY TCP4 192.0.2.1 198.51.100.2 56324 443\r\n'),
  Buffer.from('PROXY TCP6 2001:db8::1 ::1 1 2\r\n'),
  Buffer.from('PROXY UNKNOWN ffff::1 whatever\r\n'),
  Buffer.concat([signature, Buffer.from([0x21, 0x11, 0, 16, 1, 2, 3, 4, 5, 6, 7, 8, 0, 1, 0, 2, 4, 0, 1, 0])]),
  Buffer.concat([signature, Buffer.from([0x21, 0x21, 0, 36]), Buffer.alloc(36, 7)]),
  Buffer.concat([signature, Buffer.from([0x20, 0, 0, 0])]),
];

export const proxyHeader: FuzzTarget = {
  name: 'proxy-header',
  make: (random) => damage(pick(proxyHeaders, random), random, proxyHeaders),
  check(input) {
    const whole = readProxyHeader(input, [1, 2]);
    if (whole.kind === 'header') assert.ok(whole.bytes <= input.length);
    // Less of it has the same outcome, or none yet.
    for (let length = 1; length < Math.min(input.length, 300); length++) {
      const part = readProxyHeader(input.subarray(0, length), [1, 2]);
      if (part.kind === 'invalid') assert.equal(whole.kind, 'invalid', `after ${length} bytes`);
      else if (part.kind !== 'more') assert.deepEqual(part, whole, `after ${length} bytes`);
    }
  },
};

const hello = Buffer.from(
  '16030100720100006e0303000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f00000613011302130301' +
    '00003f0000001600140000117765622e73686f702e6578616d706c652e00100009000702683208687474702f312e310a00040002001d' +
    '002b0003020304002d00020101',
  'hex',
);
const lengths = [0, 1, 2, 0x40, 0x100, 0x3fff, 0xffff].map((length) => Buffer.from([length >> 8, length & 0xff]));

export const clientHello: FuzzTarget = {
  name: 'client-hello',
  make: (random) => damage(hello, random, lengths),
  check(input, random) {
    const whole = new ClientHelloReader().push(Buffer.from(input));
    const reader = new ClientHelloReader();
    let last = reader.push(Buffer.alloc(0));
    for (let at = 0; at < input.length && last.kind === 'more'; ) {
      const to = at + 1 + Math.floor(random() * 40);
      last = reader.push(Buffer.from(input.subarray(at, to)));
      at = to;
    }
    assert.deepEqual(last, whole, 'a cut of the bytes changed the outcome');
    if (input.length > maxClientHelloBytes) assert.notEqual(whole.kind, 'more');
  },
};

const files = [
  '127.0.0.1 localhost loopback\n::1 localhost # here\n10.0.0.1\tdb db.example\n',
  'nameserver 10.0.0.1\nsearch a.test b.test.\noptions ndots:5 timeout:1\ndomain c.test\n',
].map((text) => Buffer.from(text));

/** The files that say how names are found; answers themselves are read by the platform's resolver. */
export const nameFiles: FuzzTarget = {
  name: 'name-files',
  make: (random) => damage(pick(files, random), random, files),
  check(input) {
    const text = input.toString('latin1');
    for (const [name, addresses] of parseHostsFile(text)) {
      assert.equal(name, name.toLowerCase());
      assert.equal(new Set(addresses).size, addresses.length);
    }
    const conf = parseResolvConf(text);
    assert.ok(conf.search.length <= 6 && conf.ndots >= 0 && conf.ndots <= 15);
    assert.ok(candidateNames('db', conf).length === conf.search.length + 1);
  },
};
