/** Classes of requests, from the one that is shed first to the one that never is. */
export const requestClasses = ['low', 'default', 'high', 'critical'] as const;

/**
 * What the data path must do about overload now. One object for a process: written by the overload manager, read as
 * plain fields by listeners, connections and streams, which also count into it.
 */
export interface OverloadState {
  /** Requests of a class below this place in {@link requestClasses} are answered 503; 0 for none. */
  shedBelow: number;
  /** Connections end with the requests that run on them (`connection: close`, GOAWAY). */
  disableKeepAlive: boolean;
  /** Connections are closed as they come. */
  refuseConnections: boolean;
  /** Requests that were answered 503 because of it. */
  shedRequests: number;
  refusedConnections: number;
}

export function calmState(): OverloadState {
  return { shedBelow: 0, disableKeepAlive: false, refuseConnections: false, shedRequests: 0, refusedConnections: 0 };
}

/** Whether a connection that has come must go; counts it. */
export function refusesConnection(state: OverloadState): boolean {
  if (state.refuseConnections) state.refusedConnections++;
  return state.refuseConnections;
}
