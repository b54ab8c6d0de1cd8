import { haproxyPair } from '../peers/haproxy.ts';
import { heddlePair } from '../peers/heddle.ts';
import { nginxPair } from '../peers/nginx.ts';
import type { Scenario } from '../scenario.ts';

export const hop: Scenario = {
  name: 'hop',
  description: 'mesh hop: plain HTTP/1 in, mutual TLS 1.3 between two proxies, plain HTTP/1 out; both proxies counted',
  reference: 'nginx',
  expected: 1.6,
  candidates: [nginxPair, haproxyPair, heddlePair],
};
