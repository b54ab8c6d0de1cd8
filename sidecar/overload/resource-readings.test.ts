import { expect, test } from 'vitest';
import { systemReadings } from './resource-readings.ts';

/** Keeps the event loop busy for `ms` in one turn. */
function block(ms: number): void {
  const end = performance.now() + ms;
  while (performance.now() < end);
}

test('L-75: turns that take long are seen, each of them', async () => {
  const readings = systemReadings();
  try {
    await new Promise((resolve) => setTimeout(resolve, 60));
    readings.loopLagMs();
    const lags = [];
    for (let turn = 0; turn < 4; turn++) {
      block(250);
      // Timers run once in between, as they do in a loop whose turns are that long.
      await new Promise((resolve) => setTimeout(resolve, 1));
      lags.push(readings.loopLagMs());
    }
    expect(lags.filter((lagMs) => lagMs > 100).length).toBeGreaterThanOrEqual(3);
  } finally {
    readings.close();
  }
});

test('memory is told in bytes and shares', () => {
  const readings = systemReadings();
  readings.close();
  expect(readings.residentBytes()).toBeGreaterThan(1_000_000);
  expect(readings.heapShare()).toBeGreaterThan(0);
  expect(readings.heapShare()).toBeLessThan(1);
});
