import { useEffect, useRef } from 'react';
import type { Info } from '../../proto/api/v1.ts';
import { GraphPage } from './pages/graph-page.tsx';
import { ProxiesPage } from './pages/proxies-page.tsx';
import { ServicesPage } from './pages/services-page.tsx';
import { TracePage } from './pages/trace-page.tsx';
import { TracesPage } from './pages/traces-page.tsx';
import { EmptyState } from './parts/empty-state.tsx';
import { Mark } from './parts/icons.tsx';
import { Link } from './parts/link.tsx';
import { Text } from './parts/text.tsx';
import { ThemeButton } from './parts/theme-button.tsx';
import { useLocation } from './router.ts';
import { usePoll } from './use-poll.ts';

const sections = [
  ['/', 'Services'],
  ['/graph', 'Graph'],
  ['/traces', 'Traces'],
  ['/proxies', 'Proxies'],
] as const;

/** The frame around every page, and the choice of page by path. */
export function App() {
  const { path } = useLocation();
  const main = useRef<HTMLElement>(null);
  const shownPath = useRef(path);
  useEffect(() => {
    const section = sections.find(([href]) => (href === '/' ? path === '/' : path.startsWith(href)));
    document.title = `${path.startsWith('/traces/') ? 'Trace' : (section?.[1] ?? 'Not found')} · Heddle`;
    if (shownPath.current === path) return;
    // As after a page load: reading starts at the new page's beginning.
    shownPath.current = path;
    window.scrollTo(0, 0);
    main.current?.focus({ preventScroll: true });
  }, [path]);
  return (
    <>
      <a className="skip" href="#main">
        Skip to content
      </a>
      <header className="bar">
        <Link href="/" className="brand" label="Heddle, services">
          <Mark />
          <span>Heddle</span>
        </Link>
        <nav aria-label="Console">
          {sections.map(([href, label]) => (
            <Link key={href} href={href} current={href === '/' ? path === '/' : path.startsWith(href)}>
              {label}
            </Link>
          ))}
        </nav>
        <MeshState />
        <ThemeButton />
      </header>
      <main id="main" ref={main} tabIndex={-1}>
        <Page path={path} />
      </main>
    </>
  );
}

function Page({ path }: { path: string }) {
  if (path === '/') return <ServicesPage />;
  if (path === '/graph') return <GraphPage />;
  if (path === '/traces') return <TracesPage />;
  if (path === '/proxies') return <ProxiesPage />;
  const id = /^\/traces\/([0-9a-f]{4,32})$/i.exec(path)?.[1];
  if (id !== undefined) return <TracePage key={id} id={id} />;
  return (
    <EmptyState title="There is no such page" commands={[]}>
      The address names nothing the console can show.
    </EmptyState>
  );
}

function MeshState() {
  const { data, error } = usePoll<Info>('/api/v1/info');
  const state = error === '' ? (data === undefined ? 'connecting' : 'connected') : 'away';
  return (
    <p className={`mesh-state mesh-${state}`} role="status">
      <span className="dot" aria-hidden="true" />
      {state === 'away' ? (
        'control plane away'
      ) : data === undefined ? (
        'connecting'
      ) : (
        <Text value={data.trustDomain} limit={40} />
      )}
    </p>
  );
}
