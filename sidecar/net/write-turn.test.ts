import { setImmediate as nextTurn } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { WriteTurn } from './write-turn.ts';

/** Counts what is flushed, and queues anew as a socket does. */
class Queue {
  flushes = 0;

  flush(): void {
    this.flushes++;
  }
}

function callback(turn: WriteTurn, ...queues: Queue[]): void {
  turn.enter();
  for (const queue of queues) turn.add(queue);
  turn.leave();
}

test('what several callbacks of a turn write leaves when all of them are done', async () => {
  const turn = new WriteTurn();
  const [a, b] = [new Queue(), new Queue()];
  for (let round = 1; round <= 10; round++) {
    callback(turn, a);
    callback(turn, b);
    expect([a.flushes, b.flushes]).toEqual([round - 1, round - 1]);
    await nextTurn();
    expect([a.flushes, b.flushes]).toEqual([round, round]);
  }
});

test('what the only callback of a turn writes leaves at its end, until there are several again', async () => {
  const turn = new WriteTurn();
  const queue = new Queue();
  for (let round = 0; round < 4; round++) {
    callback(turn, queue);
    await nextTurn();
  }
  expect(queue.flushes).toBe(4);
  callback(turn, queue);
  expect(queue.flushes).toBe(5);

  // Now and then it is looked at again.
  let gathered = 0;
  for (let round = 0; round < 200 && gathered < 4; round++) {
    const before = queue.flushes;
    callback(turn, queue);
    if (queue.flushes === before) gathered++;
    callback(turn);
    await nextTurn();
  }
  expect(gathered).toBe(4);
});
