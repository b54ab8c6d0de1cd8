import type net from 'node:net';
import { tcpServer } from './data-path.ts';

/** An upstream that answers by a script. */
export interface ScriptedUpstream {
  readonly port: number;
  /** What came, request by request. */
  readonly seen: string[];
  /** Connections that the other side has ended. */
  ended: number;
}

/** What becomes of a request: an answer, the end of its connection (`close`), or nothing at all (`silence`). */
export type ScriptedAnswer = string | 'close' | 'silence';

/** Answers the n-th request, over whatever connection, with the n-th answer; the last one goes on. */
export async function scriptedUpstream(answers: readonly ScriptedAnswer[]): Promise<ScriptedUpstream> {
  const upstream = { port: 0, seen: [] as string[], ended: 0 };
  upstream.port = await tcpServer((socket: net.Socket) => {
    socket.on('close', () => upstream.ended++);
    socket.on('end', () => socket.end());
    socket.on('data', (chunk) => {
      const answer = answers[Math.min(upstream.seen.length, answers.length - 1)];
      upstream.seen.push(String(chunk));
      if (answer === 'close') socket.destroy();
      else if (answer !== 'silence') socket.write(answer as string);
    });
  });
  return upstream;
}

/** An HTTP/1.1 response with `body` and more header lines. */
export function answer(status: number, lines: readonly string[] = [], body = ''): string {
  const head = [`HTTP/1.1 ${status} X`, ...lines, `content-length: ${body.length}`];
  return `${head.join('\r\n')}\r\n\r\n${body}`;
}
