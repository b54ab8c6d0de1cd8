const ending = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

export type EndingSignal = (typeof ending)[number];

/** Numbers of the signals, for exit codes (128 + number). */
export const signalNumbers: Readonly<Record<EndingSignal, number>> = { SIGINT: 2, SIGTERM: 15, SIGHUP: 1 };

/** Calls `listener` for each signal that asks us to end, until the returned function is called. */
export function onEndingSignal(listener: (signal: EndingSignal) => void): () => void {
  const handlers = ending.map((signal) => [signal, () => listener(signal)] as const);
  for (const [signal, handler] of handlers) process.on(signal, handler);
  return () => {
    for (const [signal, handler] of handlers) process.off(signal, handler);
  };
}

/** Resolves with the first signal that asks us to end; a second one calls `onSecond`. */
export function endingSignal(onSecond: () => void): { signal: Promise<EndingSignal>; dispose: () => void } {
  const { promise, resolve } = Promise.withResolvers<EndingSignal>();
  let seen = false;
  const dispose = onEndingSignal((signal) => {
    if (seen) onSecond();
    seen = true;
    resolve(signal);
  });
  return { signal: promise, dispose };
}
