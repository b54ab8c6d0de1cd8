import { Http2ProtocolOptions, KeepaliveSettings } from '../../proto/gen/envoy/config/core/v3/protocol.ts';
import type { Http2Settings } from '../stream/http2-settings.ts';
import { fieldsOf } from './message-fields.ts';
import { join, type Reader } from './reader.ts';

export const http2OptionsFields = fieldsOf(Http2ProtocolOptions, {
  supported: [
    'maxConcurrentStreams',
    'initialStreamWindowSize',
    'initialConnectionWindowSize',
    'allowConnect',
    'connectionKeepalive',
  ],
  ignored: {
    hpackTableSize: 'the table has 4 KiB',
    maxOutboundFrames: 'what is queued is bounded in bytes',
    maxOutboundControlFrames: 'the limits on floods are fixed',
    maxConsecutiveInboundFramesWithEmptyPayload: 'the limits on floods are fixed',
    maxInboundPriorityFramesPerStream: 'the limits on floods are fixed',
    maxInboundWindowUpdateFramesPerDataFrameSent: 'the limits on floods are fixed',
    streamErrorOnInvalidHttpMessaging: 'an invalid message ends its stream, or the connection where it must',
    overrideStreamErrorOnInvalidHttpMessage: 'an invalid message ends its stream, or the connection where it must',
    useOghttp2Codec: 'there is one codec',
  },
});

export const keepaliveFields = fieldsOf(KeepaliveSettings, {
  supported: ['interval', 'timeout'],
  ignored: {
    intervalJitter: 'connections begin at different times',
    connectionIdleInterval: 'a connection that rests is asked, too',
  },
});

const maxInt = 2 ** 31 - 1;

/** Reads the settings of one side of HTTP/2; what is not set is as in `defaults`. */
export function decodeHttp2Options(
  reader: Reader,
  path: string,
  message: Http2ProtocolOptions | undefined,
  defaults: Http2Settings,
): Http2Settings {
  if (message === undefined) return defaults;
  reader.only(path, message, http2OptionsFields);
  const within = (field: string, value: number | undefined, least: number, fallback: number): number => {
    if (value !== undefined && (value < least || value > maxInt)) {
      reader.problem(join(path, field), `must be between ${least} and ${maxInt}`);
    }
    return value ?? fallback;
  };
  return {
    maxConcurrentStreams: within(
      'max_concurrent_streams',
      message.maxConcurrentStreams,
      1,
      defaults.maxConcurrentStreams,
    ),
    initialStreamWindowBytes: within(
      'initial_stream_window_size',
      message.initialStreamWindowSize,
      65_535,
      defaults.initialStreamWindowBytes,
    ),
    initialConnectionWindowBytes: within(
      'initial_connection_window_size',
      message.initialConnectionWindowSize,
      65_535,
      defaults.initialConnectionWindowBytes,
    ),
    allowConnect: message.allowConnect || defaults.allowConnect,
    ...decodeKeepalive(reader, join(path, 'connection_keepalive'), message.connectionKeepalive, defaults),
  };
}

function decodeKeepalive(
  reader: Reader,
  path: string,
  message: KeepaliveSettings | undefined,
  defaults: Http2Settings,
): Pick<Http2Settings, 'keepaliveIntervalMs' | 'keepaliveTimeoutMs'> {
  const { keepaliveIntervalMs, keepaliveTimeoutMs } = defaults;
  if (message === undefined) return { keepaliveIntervalMs, keepaliveTimeoutMs };
  reader.only(path, message, keepaliveFields);
  if (message.timeout === undefined) reader.problem(join(path, 'timeout'), 'missing');
  return {
    keepaliveIntervalMs: reader.positiveDuration(join(path, 'interval'), message.interval, keepaliveIntervalMs),
    keepaliveTimeoutMs: reader.positiveDuration(join(path, 'timeout'), message.timeout, keepaliveTimeoutMs),
  };
}
