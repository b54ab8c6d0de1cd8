import assert from 'node:assert/strict';
import { cuts } from '../http1/cuts.ts';
import { ClientFuzzDriver, type Policy, ServerFuzzDriver } from './drive.ts';

const policies: readonly Policy[] = ['at-end', 'at-head', 'never', 'paused'];

/**
 * What holds of any bytes that a peer may send: nothing throws, the contract of events is kept, what is written is
 * whole frames, no stream is left, and every cut of the bytes has the same outcome.
 */
export function checkHttp2Bytes(input: Buffer, toServer: boolean, random: () => number): void {
  const policy = policies[Math.floor(random() * policies.length)] as Policy;
  const edge = random() < 0.5;
  const allowConnect = random() < 0.5;
  let first: string | undefined;
  let tries = 0;
  for (const chunks of cuts(input, random)) {
    // Whole, byte by byte, and then some of the others: time is better spent on more inputs.
    if (tries++ > 1 && random() > 0.03) continue;
    const driver = toServer ? new ServerFuzzDriver(policy, edge, allowConnect) : new ClientFuzzDriver(policy);
    const outcome = JSON.stringify(driver.send(chunks).finish());
    first ??= outcome;
    assert.equal(
      outcome,
      first,
      `a cut of the bytes changed the outcome (${policy}, edge ${edge}, CONNECT ${allowConnect})`,
    );
  }
}
