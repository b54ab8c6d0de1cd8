import { navigate, pathWith, useLocation } from '../router.ts';

const windows = [
  ['60', '1 min'],
  ['300', '5 min'],
] as const;

/** The window of rates and latencies in seconds, from the page's query; 60 by default. */
export function useWindowSeconds(): number {
  return useLocation().query.get('window') === '300' ? 300 : 60;
}

/** Chooses the window; kept in the query, so that a link shows the same. */
export function WindowChoice() {
  const { path, query } = useLocation();
  const chosen = String(useWindowSeconds());
  return (
    <fieldset className="choice">
      <legend className="sr-only">Time window</legend>
      {windows.map(([seconds, label]) => (
        <label key={seconds}>
          <input
            type="radio"
            name="window"
            checked={chosen === seconds}
            onChange={() => {
              const window = seconds === '60' ? undefined : seconds;
              navigate(pathWith(path, { ...Object.fromEntries(query), window }), true);
            }}
          />
          <span>{label}</span>
        </label>
      ))}
    </fieldset>
  );
}
