import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { expect, test } from 'vitest';
import { defaultInterception, parsePorts, renderRuleset } from './ruleset.ts';

test('the rules are one transaction that leaves the proxy and the skipped ports alone', () => {
  const text = renderRuleset({ ...defaultInterception, skipOutboundPorts: ['3306', '6000-6010'] });
  expect(text.startsWith('add table inet heddle\ndelete table inet heddle\n')).toBe(true);
  expect(text).toContain('meta skuid 1337 return');
  expect(text).toContain('tcp dport { 3306, 6000-6010 } return');
});

test('ports are read strictly', () => {
  expect(parsePorts('3306,6000-6010')).toEqual(['3306', '6000-6010']);
  expect(parsePorts('')).toEqual([]);
  for (const bad of ['0', '65536', 'x', '1-', '1 }; drop', '99999-3']) expect(parsePorts(bad)).toBeUndefined();
});

const main = path.join(import.meta.dirname, 'main.ts');
const namespace = `heddle-${process.pid}`;
const canUseNamespaces =
  process.getuid?.() === 0 &&
  spawnSync('nft', ['--version']).status === 0 &&
  spawnSync('ip', ['netns', 'add', namespace]).status === 0;

// Needs root, iproute2 and nftables; reported as skipped elsewhere.
test.skipIf(!canUseNamespaces)(
  'in a network namespace a connection to any address arrives at the proxy, twice installed or once',
  async () => {
    const inside = (...command: string[]) =>
      spawnSync('ip', ['netns', 'exec', namespace, ...command], { encoding: 'utf8' });
    try {
      for (const command of [
        'link set lo up',
        'link add eth0 type veth peer name eth1',
        'addr add 10.99.0.1/24 dev eth0',
        'link set eth0 up',
        'link set eth1 up',
        'route add default dev eth0',
      ]) {
        expect(inside('ip', ...command.split(' ')).stderr).toBe('');
      }
      for (let i = 0; i < 2; i++) expect(inside(process.execPath, main, 'install').stderr).toBe('');
      const rules = inside('nft', 'list', 'table', 'inet', 'heddle').stdout;
      expect(rules.match(/redirect to :15001/g)).toHaveLength(1);

      const server = `require('node:net').createServer((socket) => socket.end('proxy')).listen(15001, '0.0.0.0', () => console.log('up'))`;
      const proxy = spawn('ip', ['netns', 'exec', namespace, process.execPath, '-e', server], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      try {
        await once(proxy.stdout, 'data');
        const client = `require('node:net').connect(80, '10.99.0.77').on('data', (data) => console.log(String(data))).on('error', (error) => console.log(error.code)).setTimeout(3000, () => process.exit(1))`;
        expect(inside(process.execPath, '-e', client).stdout.trim()).toBe('proxy');
      } finally {
        proxy.kill('SIGKILL');
        await once(proxy, 'exit');
      }
      expect(inside(process.execPath, main, 'remove').status).toBe(0);
      expect(inside('nft', 'list', 'tables').stdout).not.toContain('heddle');
    } finally {
      spawnSync('ip', ['netns', 'delete', namespace]);
    }
  },
);
