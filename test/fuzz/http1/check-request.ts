import assert from 'node:assert/strict';
import { cuts } from './cuts.ts';
import { type AnswerPolicy, ServerDriver } from './drive-server.ts';

const policies: readonly AnswerPolicy[] = ['at-end', 'at-head', 'never'];

/**
 * What holds of any bytes that a peer may send: nothing throws, the contract of events is kept, every cut of the
 * bytes has the same outcome, heads are clean, and what is written is as many whole responses as were due.
 */
export function checkRequestBytes(input: Buffer, random: () => number): void {
  const edge = random() < 0.5;
  const options = { edge, allowConnect: random() < 0.3, allowAbsoluteForm: !edge && random() < 0.5 };
  const policy = policies[Math.floor(random() * policies.length)] as AnswerPolicy;
  let first: string | undefined;
  let tries = 0;
  for (const chunks of cuts(input, random)) {
    // Whole, byte by byte, and then some of the others: time is better spent on more inputs.
    if (tries++ > 1 && random() > 0.05) continue;
    const driver = new ServerDriver(options, policy).send(chunks);
    driver.codec.onEnd();
    const outcome = JSON.stringify(driver.finish());
    checkOutcome(driver, edge);
    first ??= outcome;
    assert.equal(outcome, first, `a cut of the bytes changed the outcome (${policy}, ${JSON.stringify(options)})`);
  }
}

function checkOutcome(driver: ServerDriver, edge: boolean): void {
  assert.deepEqual(driver.violations, []);
  assert.ok(driver.refused.length <= 1);
  assert.ok(driver.closed <= 1);
  for (const { head, end, body } of driver.requests) {
    assert.match(head.method, edge ? /^[A-Z-]+$/ : /^[^a-z\s]+$/);
    if (head.method === 'CONNECT') assert.equal(head.path, '');
    else assert.match(head.path, /^(?:\/[\x21\x22\x24-\x7e]*|\*)$/);
    assert.doesNotMatch(head.path.split('?')[0] as string, edge ? /\\|\/\/|;|%2f|%5c|\/\.\.?(?:\/|$)/i : /\\/);
    assert.match(head.authority, head.version === '1.0' ? /^[a-z0-9._:[\]-]*$/ : /^[a-z0-9._:[\]-]+$/);
    const { names, rawNames, values } = head.headers;
    for (let i = 0; i < names.length; i++) {
      assert.equal(names[i], rawNames[i]?.toLowerCase());
      assert.match(names[i] as string, /^[!#$%&'*+.^_`|~0-9a-z-]+$/);
      assert.doesNotMatch(values[i] as string, /^[\t ]|[\t ]$|[^\t\x20-\x7e\x80-\xff]/);
      assert.doesNotMatch(
        names[i] as string,
        /^(?:host|connection|content-length|transfer-encoding|upgrade|keep-alive|expect)$/,
      );
    }
    if (end) assert.equal(body, '');
    if (head.contentLength !== undefined) assert.ok(body.length <= head.contentLength);
  }
  const answers = driver.transport.written.match(/HTTP\/1\.1 \d{3} /g)?.length ?? 0;
  assert.ok(answers <= driver.requests.length + driver.refused.length);
}
