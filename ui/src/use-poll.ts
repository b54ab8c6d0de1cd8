import { useEffect, useState } from 'react';
import type { ApiError } from '../../proto/api/v1.ts';

export interface Polled<T> {
  /** The newest answer; kept while the API is away, dropped when another path is asked. */
  data: T | undefined;
  /** Why the last call failed; empty when it did not. */
  error: string;
  /** HTTP status of the last call; 0 when there was no answer. */
  status: number;
}

const intervalMs = 2000;
const timeoutMs = 5000;

/**
 * GETs a path of the API now and every two seconds, one call at a time. Rests while `paused` (after the first answer)
 * and while the tab is hidden.
 */
export function usePoll<T>(path: string, paused = false): Polled<T> {
  const [state, setState] = useState<Polled<T> & { path: string }>({ path, data: undefined, error: '', status: 0 });
  useEffect(() => {
    const stopped = new AbortController();
    let timer: number | undefined;
    let running = false;
    const poll = async (): Promise<void> => {
      if (running || document.hidden) return;
      running = true;
      window.clearTimeout(timer);
      const answer = await getJson<T>(path, stopped.signal);
      running = false;
      if (stopped.signal.aborted) return;
      setState((before) => ({
        path,
        ...answer,
        data: answer.data ?? (before.path === path && answer.status !== 404 ? before.data : undefined),
      }));
      if (!paused || answer.error !== '') timer = window.setTimeout(() => void poll(), intervalMs);
    };
    const wake = () => void poll();
    document.addEventListener('visibilitychange', wake);
    void poll();
    return () => {
      stopped.abort();
      window.clearTimeout(timer);
      document.removeEventListener('visibilitychange', wake);
    };
  }, [path, paused]);
  return state.path === path ? state : { data: undefined, error: '', status: 0 };
}

async function getJson<T>(path: string, signal: AbortSignal): Promise<Polled<T>> {
  try {
    const limited = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]);
    const response = await fetch(path, { signal: limited, headers: { accept: 'application/json' } });
    const body: unknown = await response.json();
    if (response.ok) return { data: body as T, error: '', status: response.status };
    const message = (body as Partial<ApiError>).error?.message ?? `the API answered ${response.status}`;
    return { data: undefined, error: message, status: response.status };
  } catch {
    return { data: undefined, error: 'the control plane does not answer', status: 0 };
  }
}
