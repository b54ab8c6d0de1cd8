import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { type Clock, FakeClock } from '../../lib/clock.ts';
import type { Resource } from '../../proto/api/v1.ts';
import { openState, type State } from './open-state.ts';

/** A state in a folder of its own, for tests. */
export interface TestState extends State {
  readonly directory: string;
  readonly clock: Clock;
  /** Closes and removes it. */
  dispose(): void;
}

export function openTestState(clock: Clock = new FakeClock()): TestState {
  const directory = makeTestDirectory();
  const state = openState(directory, clock);
  return {
    ...state,
    directory,
    clock,
    dispose: () => {
      state.store.close();
      fs.rmSync(directory, { recursive: true, force: true });
    },
  };
}

export function makeTestDirectory(): string {
  return fs.mkdtempSync(path.join(os.tmpdir(), 'heddle-state-'));
}

/** A Service on port 80 that selects `app: <name>`. */
export function testService(name: string, namespace = 'shop', spec: Record<string, unknown> = {}): Resource {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name, namespace },
    spec: { selector: { app: name }, ports: [{ name: 'http', port: 80 }], ...spec },
  };
}
