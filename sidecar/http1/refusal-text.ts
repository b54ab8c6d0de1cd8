import { refusal } from './refusals.ts';
import { statusLine } from './status-text.ts';

/**
 * A complete answer to what no request can be made of. It names the reason for machines and says it for people; to a
 * HEAD request without the body (RFC 9110 §9.3.2).
 */
export function refusalText(reason: string, status: number, localLines: string, toHead: boolean): string {
  const body = `${JSON.stringify({ status, reason, message: refusal(reason).message })}\n`;
  const extra =
    status === 426
      ? 'upgrade: HTTP/1.1\r\n'
      : status === 405
        ? 'allow: GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS\r\n'
        : '';
  return (
    `${statusLine(status, '')}content-type: application/json\r\ncontent-length: ${body.length}\r\n` +
    `x-heddle-reason: ${reason}\r\n${extra}${localLines}connection: ${status === 426 ? 'close, upgrade' : 'close'}\r\n\r\n${toHead ? '' : body}`
  );
}
