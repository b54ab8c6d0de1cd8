/** A structured logger; what the control plane and the sidecar write about themselves (not the access log). */
export interface Log {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
  /** The same log with fields added to every line. */
  with(fields: LogFields): Log;
}

export type LogFields = Readonly<Record<string, string | number | boolean | undefined>>;

export type LogLevel = 'debug' | 'info' | 'warn' | 'error' | 'off';

const order: readonly LogLevel[] = ['debug', 'info', 'warn', 'error', 'off'];

/**
 * Writes one JSON object a line through `write`. JSON escapes control characters, so that a peer's bytes
 * cannot forge a line (security.md P-69). The message, then `level` and `time` are always there.
 */
export function createLog(write: (line: string) => void, level: LogLevel = 'info', base: LogFields = {}): Log {
  const threshold = order.indexOf(level);
  const emit =
    (lineLevel: LogLevel) =>
    (message: string, fields?: LogFields): void => {
      if (order.indexOf(lineLevel) < threshold) return;
      write(`${JSON.stringify({ time: new Date().toISOString(), level: lineLevel, message, ...base, ...fields })}\n`);
    };
  return {
    debug: emit('debug'),
    info: emit('info'),
    warn: emit('warn'),
    error: emit('error'),
    with: (fields) => createLog(write, level, { ...base, ...fields }),
  };
}

/** A log that says nothing. */
export const silentLog: Log = createLog(() => {}, 'off');
