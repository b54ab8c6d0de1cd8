import { setTimeout as delay } from 'node:timers/promises';
import type { Span, Trace } from '../../proto/api/v1.ts';
import { CliError } from '../cli-error.ts';
import type { ApiClient } from '../client.ts';

const services = ['front', 'catalog', 'ratings', 'cart', 'checkout'];
/** The gateway's two, front's one, two for each of its four calls and for checkout's two. */
const spansOfPage = 2 + 1 + 4 * 2 + 2 * 2;
const patienceMs = 10_000;

/** What the shop's page says of itself as JSON, as far as it is looked at here. */
interface Page {
  readonly products?: readonly unknown[];
  readonly ratings?: { readonly version: string } | null;
  readonly cart?: unknown;
  readonly checkout?: unknown;
  readonly degraded?: Readonly<Record<string, string>>;
}

/** Asks for the shop's page until it is whole. @throws CliError after 10 s with what was wrong last. */
export async function requestPage(url: string): Promise<Page> {
  const deadline = performance.now() + patienceMs;
  for (;;) {
    const problem = await tryPage(url);
    if (typeof problem !== 'string') return problem;
    if (performance.now() > deadline) throw new CliError(`${url} does not answer as it should: ${problem}`);
    await delay(50);
  }
}

async function tryPage(url: string): Promise<Page | string> {
  try {
    const response = await fetch(url, { headers: { accept: 'application/json' }, signal: AbortSignal.timeout(5000) });
    const text = await response.text();
    if (response.status !== 200) return `${response.status} ${text.trim().slice(0, 300)}`;
    const page = JSON.parse(text) as Page;
    const missing = Object.entries(page.degraded ?? {}).map(([part, reason]) => `${part}: ${reason}`);
    if (missing.length > 0) return missing.join('; ');
    const parts = [page.products, page.ratings, page.cart, page.checkout];
    return parts.every((part) => part !== null && part !== undefined) ? page : 'the page lacks a part';
  } catch (error) {
    return error instanceof Error
      ? `${error.message}${error.cause instanceof Error ? ` (${error.cause.message})` : ''}`
      : String(error);
  }
}

/** Waits for a trace of the page with every hop. @throws CliError after 10 s with what is missing. */
export async function completeTrace(client: ApiClient): Promise<Trace> {
  const deadline = performance.now() + patienceMs;
  for (;;) {
    let problem = 'there is no trace';
    for (const { traceId } of (await client.traces({ limit: 10 })).items) {
      const trace = await client.trace(traceId);
      const wrong = problemsOfTrace(trace);
      if (wrong.length === 0) return trace;
      problem = `trace ${traceId}: ${wrong.join('; ')}`;
    }
    if (performance.now() > deadline) throw new CliError(`the trace of the page is not whole: ${problem}`);
    await delay(100);
  }
}

/** What a trace lacks to be that of one page; empty when it is whole. */
export function problemsOfTrace(trace: Trace): string[] {
  const { spans } = trace;
  const roots = spans.filter((span) => span.depth === 0);
  const seen = new Set(spans.map((span) => span.service));
  const withoutIdentity = spans.filter((span) => span.peer === '' && span !== spans[0]);
  return [
    ...(spans.length < spansOfPage ? [`${spans.length} spans of ${spansOfPage}`] : []),
    ...(roots.length === 1 ? [] : [`${roots.length} roots`]),
    ...services.filter((service) => !seen.has(service)).map((service) => `nothing of ${service}`),
    ...withoutIdentity.map((span) => `no peer identity at ${describeSpan(span)}`),
    ...spans.filter((span) => span.error).map((span) => `an error at ${describeSpan(span)}`),
  ];
}

function describeSpan(span: Span): string {
  return `${span.service} (${span.kind}, ${span.name})`;
}
