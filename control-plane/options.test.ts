import { expect, test } from 'vitest';
import { parseFlags } from './options.ts';

test('defaults are those of the documentation', () => {
  expect(parseFlags(['--state-dir', '/tmp/x'])).toEqual({
    kind: 'run',
    flags: {
      stateDir: '/tmp/x',
      configDirs: [],
      trustDomain: 'cluster.local',
      apiAddress: '127.0.0.1',
      apiPort: 15_014,
      xdsAddress: '127.0.0.1',
      xdsPort: 15_012,
      webhookPort: -1,
      logLevel: 'info',
      traceRetentionHours: 24,
      exitWithParent: false,
    },
  });
  const off = parseFlags([
    '--state-dir=/tmp/x',
    '--webhook-port',
    '-1',
    '--exit-with-parent',
    '--config-dir',
    '/tmp',
    '--config-dir=/',
  ]);
  expect(off).toMatchObject({ flags: { webhookPort: -1, exitWithParent: true, configDirs: ['/tmp', '/'] } });
});

test('CF-16: everything wrong with a command line is listed at once', () => {
  const parsed = parseFlags([
    '--api-port=70000',
    '--xds-port',
    '1e3',
    '--api-address',
    'localhost',
    '--trust-domain',
    'Not Valid',
    '--log-level=loud',
    '--trace-retention-hours=0',
    '--config-dir=/nowhere/at/all',
    '--exit-with-parent=yes',
    '--colour',
    'stray;rm -rf',
    '--state-dir',
    '--webhook-port',
    '--',
    '--api-port=1',
  ]);
  expect(parsed.kind).toBe('invalid');
  const problems = parsed.kind === 'invalid' ? parsed.problems : [];
  for (const part of [
    '--api-port "70000" is not a port',
    '--xds-port "1e3" is not a port',
    '--api-address "localhost" is not an IP address',
    '--trust-domain "Not Valid"',
    '--log-level "loud"',
    '--trace-retention-hours',
    '--config-dir /nowhere/at/all is not a directory',
    '--exit-with-parent takes no value',
    'unknown flag --colour',
    'unexpected argument "stray;rm -rf"',
    '--state-dir needs a value',
    'unexpected argument "--api-port=1"',
  ]) {
    expect(problems).toContainEqual(expect.stringContaining(part));
  }
});
