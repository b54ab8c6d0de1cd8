import { haproxyGateway } from '../peers/haproxy.ts';
import { heddleGateway } from '../peers/heddle.ts';
import { nginxGateway } from '../peers/nginx.ts';
import type { Scenario } from '../scenario.ts';

export const gateway: Scenario = {
  name: 'gateway',
  description: 'HTTP/1 in, HTTP/1 out, 170-byte body, keep-alive on both sides, one worker, access log off',
  reference: 'nginx',
  expected: 1.3,
  candidates: [nginxGateway, haproxyGateway, heddleGateway],
};
