/** An HTTP status with its class as colour; `–` when no response came. */
export function StatusCode({ status, error }: { status: number; error: boolean }) {
  const kind = error || status >= 500 ? 'bad' : status >= 400 ? 'warn' : status === 0 ? 'none' : 'good';
  return (
    <span className={`status status-${kind}`} title={status === 0 ? 'no response' : undefined}>
      {status === 0 ? '–' : status}
      {error && status < 500 ? ' !' : ''}
      {error && <span className="sr-only"> with errors</span>}
    </span>
  );
}
