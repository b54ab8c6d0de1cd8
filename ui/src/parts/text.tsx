import { shorten, visibleText } from '../visible-text.ts';

/** Text from the network: never markup, hidden characters spelled out, long values cut with the whole as title. */
export function Text({ value, limit = 80, className }: { value: string; limit?: number; className?: string }) {
  const full = visibleText(value);
  const shown = shorten(full, limit);
  return (
    <bdi className={className} title={shown === full ? undefined : shorten(full, 4096)}>
      {shown}
    </bdi>
  );
}
