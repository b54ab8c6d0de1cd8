import { createHash, type Hash } from 'node:crypto';
import type { Readable, Writable } from 'node:stream';

const blockBytes = 65_536;

/** Writes `total` bytes that never repeat, as fast as the other end takes them. Resolves with their SHA-256; ends nothing. */
export function sendBytes(target: Writable, total: number, seed: number): Promise<string> {
  const hash = createHash('sha256');
  const block = Buffer.alloc(blockBytes, seed & 0xff);
  let left = total;
  let counter = 0;
  return new Promise((resolve, reject) => {
    const more = (): void => {
      while (left > 0) {
        const chunk = Buffer.from(block.subarray(0, Math.min(left, blockBytes)));
        if (chunk.length >= 8) chunk.writeUInt32LE(counter++, 0);
        hash.update(chunk);
        left -= chunk.length;
        if (!target.write(chunk)) {
          target.once('drain', more);
          return;
        }
      }
      resolve(hash.digest('hex'));
    };
    target.once('error', reject);
    target.once('close', () => left > 0 && reject(new Error(`closed with ${left} bytes to send`)));
    more();
  });
}

/** Reads at `bytesPerSecond` and no faster. Resolves with the SHA-256 of all that came and its length. */
export function readSlowly(source: Readable, bytesPerSecond: number): Promise<{ sha256: string; bytes: number }> {
  const hash: Hash = createHash('sha256');
  const begun = performance.now();
  let bytes = 0;
  return new Promise((resolve, reject) => {
    source.on('data', (chunk: Buffer) => {
      hash.update(chunk);
      bytes += chunk.length;
      const aheadMs = (bytes / bytesPerSecond) * 1000 - (performance.now() - begun);
      if (aheadMs < 5) return;
      source.pause();
      setTimeout(() => source.resume(), aheadMs);
    });
    source.on('end', () => resolve({ sha256: hash.digest('hex'), bytes }));
    source.on('error', reject);
    source.on('close', () => reject(new Error(`broke off after ${bytes} bytes`)));
  });
}
