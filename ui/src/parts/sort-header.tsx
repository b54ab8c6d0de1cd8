import { pathWith, useLocation } from '../router.ts';
import { Link } from './link.tsx';

export interface Column<Row> {
  key: string;
  label: string;
  of: (row: Row) => string | number;
  numeric?: boolean;
}

/** A column head that sorts by it; the choice is in the query as `sort=p95` or `sort=-p95` for the other way. */
export function SortHeader<Row>({ column }: { column: Column<Row> }) {
  const { path, query } = useLocation();
  const sort = query.get('sort');
  const ascending = sort === column.key;
  const descending = sort === `-${column.key}`;
  const numeric = column.numeric === true;
  // The first click shows what matters first: names from A, numbers from the largest.
  const next = numeric ? (descending ? column.key : `-${column.key}`) : ascending ? `-${column.key}` : column.key;
  return (
    <th
      scope="col"
      className={numeric ? 'number' : undefined}
      aria-sort={ascending ? 'ascending' : descending ? 'descending' : undefined}
    >
      <Link href={pathWith(path, { ...Object.fromEntries(query), sort: next })}>
        {column.label}
        <span className="sort-mark" aria-hidden="true">
          {ascending ? ' ↑' : descending ? ' ↓' : ''}
        </span>
      </Link>
    </th>
  );
}

/** Rows in the order of a `sort` parameter; as they are when it names no column. */
export function sortRows<Row>(rows: readonly Row[], columns: readonly Column<Row>[], sort: string | null): Row[] {
  const column = columns.find(({ key }) => sort === key || sort === `-${key}`);
  if (column === undefined) return [...rows];
  const sign = sort?.startsWith('-') ? -1 : 1;
  return rows.toSorted((a, b) => {
    const [left, right] = [column.of(a), column.of(b)];
    return left < right ? -sign : left > right ? sign : 0;
  });
}
