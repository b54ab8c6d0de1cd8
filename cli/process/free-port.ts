import { canBind } from '../../lib/free-ports.ts';
import { CliError, ExitCode } from '../cli-error.ts';

/** @throws CliError naming the flag when somebody listens on a port of 127.0.0.1 or of all addresses; 0 never is taken. */
export async function requireFreePort(port: number, flag: string): Promise<void> {
  if (port === 0 || ((await canBind(port, '127.0.0.1')) && (await canBind(port, '0.0.0.0')))) return;
  throw new CliError(`port ${port} is taken; end who uses it, or choose another with ${flag}`, ExitCode.usage);
}
