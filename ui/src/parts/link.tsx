import type { MouseEvent, ReactNode } from 'react';
import { navigate } from '../router.ts';

interface LinkProps {
  href: string;
  className?: string;
  title?: string;
  label?: string;
  current?: boolean;
  children: ReactNode;
}

/** A link inside the console. Clicks with a modifier stay the browser's. */
export function Link({ href, className, title, label, current, children }: LinkProps) {
  return (
    <a
      href={href}
      className={className}
      title={title}
      aria-label={label}
      aria-current={current ? 'page' : undefined}
      onClick={follow(href)}
    >
      {children}
    </a>
  );
}

/** The click handler of a link inside the console. */
export function follow(href: string): (event: MouseEvent) => void {
  return (event) => {
    if (event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    navigate(href);
  };
}
