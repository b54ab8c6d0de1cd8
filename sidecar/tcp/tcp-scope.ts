import type { Clock } from '../../lib/clock.ts';
import type { Random } from '../../lib/random.ts';
import type { TimerWheel } from '../../lib/timer-wheel.ts';
import type { ClusterManager } from '../cluster/cluster-manager.ts';
import type { DialDependencies } from '../cluster/dial.ts';
import type { Observer } from '../observe/observer.ts';
import type { Direction } from '../observe/stream-info.ts';

/** What all relayed connections of one filter chain share. */
export interface TcpScope {
  readonly listener: string;
  readonly direction: Direction;
  readonly clusters: ClusterManager;
  readonly dial: DialDependencies;
  readonly observer: Observer;
  readonly clock: Clock;
  readonly random: Random;
  readonly wheel: TimerWheel;
}
