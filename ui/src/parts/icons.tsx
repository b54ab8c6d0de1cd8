/** The mark: a warp thread drawn through the eye of a heddle. */
export function Mark() {
  return (
    <svg className="mark" viewBox="0 0 32 32" aria-hidden="true">
      <rect width="32" height="32" rx="7" />
      <path d="M9 6v20M16 6v7m0 6v7M23 6v20" />
      <circle cx="16" cy="16" r="3" />
    </svg>
  );
}

/** A closed lock for mTLS, an open one without it, in a 12 × 12 box at the origin. */
export function LockShape({ closed }: { closed: boolean }) {
  return (
    <g className={closed ? 'lock lock-closed' : 'lock lock-open'}>
      <path className="lock-bow" d={closed ? 'M3.5 5.5V4a2.5 2.5 0 0 1 5 0v1.5' : 'M3.5 5.5V3.6a2.5 2.5 0 0 1 4.8-1'} />
      <rect x="2" y="5.5" width="8" height="5.5" rx="1.2" />
    </g>
  );
}

export function Lock({ closed }: { closed: boolean }) {
  return (
    <svg className="icon-lock" viewBox="0 0 12 12" role="img" aria-label={closed ? 'mTLS' : 'no mTLS'}>
      <LockShape closed={closed} />
    </svg>
  );
}
