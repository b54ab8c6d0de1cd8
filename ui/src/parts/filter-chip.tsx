import { pathWith, useLocation } from '../router.ts';
import { Link } from './link.tsx';
import { Text } from './text.tsx';

/** A filter that came with a link and can be taken off again. */
export function FilterChip({ name, value }: { name: string; value: string }) {
  const { path, query } = useLocation();
  if (value === '') return null;
  return (
    <span className="chip">
      {name}: <Text value={value} limit={40} />
      <Link
        href={pathWith(path, { ...Object.fromEntries(query), [name]: undefined })}
        label={`Remove the filter ${name}`}
      >
        ×
      </Link>
    </span>
  );
}
