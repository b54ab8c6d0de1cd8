import { expect, test } from 'vitest';
import { portProtocol, speaksHttp2 } from './service.ts';

test('appProtocol decides whether an application gets HTTP/2, then the name of the port', () => {
  for (const appProtocol of ['grpc', 'http2', 'h2c', 'kubernetes.io/h2c', 'GRPC']) {
    expect([speaksHttp2({ appProtocol }), portProtocol({ appProtocol })]).toEqual([true, 'http']);
  }
  for (const appProtocol of ['http', 'kubernetes.io/ws', 'grpc-web', 'redis']) {
    expect(speaksHttp2({ appProtocol, name: 'grpc' })).toBe(false);
  }
  for (const name of ['grpc', 'grpc-api', 'http2', 'h2c-x']) expect(speaksHttp2({ name })).toBe(true);
  for (const name of ['http', 'grpc-web', 'grpc-web-ui', 'grpcish', undefined])
    expect(speaksHttp2({ name })).toBe(false);
});
