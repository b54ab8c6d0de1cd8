import type { ReactNode } from 'react';

/** What a page shows when there is nothing yet: why, and the commands that change it. */
export function EmptyState(props: { title: string; children: ReactNode; commands: readonly string[] }) {
  return (
    <section className="empty">
      <h2>{props.title}</h2>
      <p>{props.children}</p>
      {props.commands.map((command) => (
        <pre key={command}>
          <code>{command}</code>
        </pre>
      ))}
    </section>
  );
}

/** Said above old data while the API is away, or in its place while there is none. */
export function Notice({ error, stale }: { error: string; stale: boolean }) {
  if (error === '') return null;
  return (
    <p className="notice" role="status">
      <strong>{error}</strong>
      {stale ? ' What is shown is the last that was known; trying again every 2 s.' : ' Trying again every 2 s.'}
    </p>
  );
}
