import { createLog, type Log, type LogFields, type LogLevel } from '../../lib/log.ts';

/** A log whose level can be changed while it is in use, also for logs derived from it. */
export interface AdjustableLog extends Log {
  setLevel(level: LogLevel): void;
}

/** Writes lines as {@link createLog} does, each with the fields of `about`. */
export function createAdjustableLog(
  write: (line: string) => void,
  level: LogLevel,
  about: LogFields = {},
): AdjustableLog {
  let current = createLog(write, level);
  const derive = (base: LogFields): Log => ({
    debug: (message, fields) => current.debug(message, { ...base, ...fields }),
    info: (message, fields) => current.info(message, { ...base, ...fields }),
    warn: (message, fields) => current.warn(message, { ...base, ...fields }),
    error: (message, fields) => current.error(message, { ...base, ...fields }),
    with: (fields) => derive({ ...base, ...fields }),
  });
  return {
    ...derive(about),
    setLevel: (next) => {
      current = createLog(write, next);
    },
  };
}
