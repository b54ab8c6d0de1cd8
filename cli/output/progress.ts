import { styleFor } from './style.ts';

const frames = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏'];

/**
 * Runs `work` and says on `stream` what it is doing once it takes longer than `delayMs`: a spinner on a terminal, one
 * plain line otherwise. What takes less says nothing.
 */
export async function withProgress<T>(
  stream: NodeJS.WriteStream,
  label: string,
  work: () => Promise<T>,
  delayMs = 1000,
): Promise<T> {
  let spinner: NodeJS.Timeout | undefined;
  const started = performance.now();
  const style = styleFor(stream);
  const delay = setTimeout(() => {
    if (!stream.isTTY) {
      stream.write(`${label} ...\n`);
      return;
    }
    let frame = 0;
    spinner = setInterval(() => {
      const seconds = ((performance.now() - started) / 1000).toFixed(0);
      stream.write(`\r\x1b[2K${style('cyan', frames[frame++ % frames.length] ?? '')} ${label} (${seconds}s)`);
    }, 100);
  }, delayMs);
  try {
    return await work();
  } finally {
    clearTimeout(delay);
    if (spinner !== undefined) {
      clearInterval(spinner);
      stream.write('\r\x1b[2K');
    }
  }
}
