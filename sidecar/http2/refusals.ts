/** Why something is refused: the status answered (0: the stream is reset, or the connection ends) and what a person can do. */
interface Refusal {
  readonly status: number;
  readonly message: string;
}

const refusals: ReadonlyMap<string, Refusal> = new Map(
  Object.entries({
    'h2.backslash-in-path': [400, 'The path has a backslash; percent-encoding is refused too, use a slash.'],
    'h2.encoded-slash': [400, 'The path has an encoded slash or backslash, which servers read differently.'],
    'h2.encoded-nul': [400, 'The path has an encoded NUL.'],
    'h2.empty-path-segment': [400, 'The path has an empty segment (//), which servers read differently.'],
    'h2.semicolon-in-path': [400, 'The path has a semicolon, which servers read differently.'],
    'h2.bad-percent-encoding': [400, 'The path has a % that is not followed by two hexadecimal digits.'],
    'h2.path-above-root': [400, 'The path climbs above the root with dot segments.'],
    'h2.path-too-long': [414, 'The path is longer than allowed.'],
    'h2.bad-target': [400, 'The :path must start with a slash (or be * for OPTIONS); CONNECT needs host:port.'],
    'h2.bad-target-byte': [400, 'The :path has a control, non-ASCII or fragment character; percent-encode it.'],
    'h2.bad-method': [400, 'The :method is not a token.'],
    'h2.method-not-allowed': [405, 'This method is not allowed here.'],
    'h2.unknown-method': [501, 'This method is not known here.'],
    'h2.unknown-protocol': [501, 'Only the :protocol websocket is understood here.'],
    'h2.bad-scheme': [400, 'The :scheme must be http or https.'],
    'h2.missing-authority': [400, 'The request has neither :authority nor host.'],
    'h2.bad-authority': [400, 'The :authority (or host) is not a valid host[:port].'],
    'h2.duplicate-host': [400, 'The request has more than one host field.'],
    'h2.host-mismatch': [400, 'The host field differs from :authority.'],
    'h2.bad-expect': [417, 'Only Expect: 100-continue is understood here, once.'],
    'h2.alias-field-name': [400, 'A field name has an underscore or a dot, which servers take for a dash.'],
    'h2.too-many-fields': [431, 'The request has more fields than allowed.'],
    'h2.headers-too-large': [431, 'The fields of the request are together larger than allowed.'],
    'h2.field-too-large': [431, 'A field of the request is larger than allowed.'],
    'h2.bad-field-name': [0, 'A field name has a character that is not allowed, or an upper-case letter.'],
    'h2.bad-field-value': [0, 'A field value has a control character, or white space at an end.'],
    'h2.connection-field': [
      0,
      'A field of HTTP/1 connections (connection, transfer-encoding, upgrade, te …) was sent.',
    ],
    'h2.late-pseudo-field': [0, 'A pseudo-header field stands behind an ordinary one.'],
    'h2.repeated-pseudo-field': [0, 'A pseudo-header field was sent twice.'],
    'h2.unexpected-pseudo-field': [0, 'A pseudo-header field stands where it may not.'],
    'h2.missing-pseudo-field': [0, 'A pseudo-header field is missing.'],
    'h2.unexpected-protocol': [0, 'Extended CONNECT (:protocol) is not enabled here.'],
    'h2.bad-connect': [0, 'CONNECT must have :method and :authority alone.'],
    'h2.duplicate-content-length': [0, 'The message has more than one content-length.'],
    'h2.content-length-mismatch': [0, 'The content-length is not a number, or not the length of the body.'],
    'h2.trailers-without-end': [0, 'Trailers do not end their stream.'],
    'h2.stream-closed': [0, 'A frame came for a stream that had ended.'],
    'h2.idle-stream': [0, 'A frame came for a stream that was never opened.'],
    'h2.bad-stream-id': [0, 'A stream identifier is even, or lower than one before.'],
    'h2.stream-window-overflow': [0, 'A WINDOW_UPDATE is zero, or raises a window above 2^31-1.'],
    'h2.stream-window-exceeded': [0, 'More data came on a stream than its window allowed.'],
    'h2.window-overflow': [0, 'A WINDOW_UPDATE is zero, or raises a window above 2^31-1.'],
    'h2.window-exceeded': [0, 'More data came on the connection than its window allowed.'],
    'h2.refused-stream': [0, 'More streams were opened at one time than allowed.'],
    'h2.too-many-rejected-streams': [0, 'The peer went on opening more streams than allowed.'],
    'h2.too-many-invalid-frames': [0, 'Too many malformed messages came on one connection.'],
    'h2.too-many-resets': [0, 'Too many streams were reset in a short time.'],
    'h2.too-many-control-frames': [0, 'Too many PING or SETTINGS frames came in a short time.'],
    'h2.too-many-idle-frames': [0, 'Too many PRIORITY or unknown frames came.'],
    'h2.too-many-window-updates': [0, 'Too many WINDOW_UPDATE frames came for what had been sent.'],
    'h2.too-many-empty-frames': [0, 'Frames came that have no content and end nothing.'],
    'h2.too-many-continuations': [0, 'A field block has too many CONTINUATION frames, or is too large.'],
    'h2.decoded-fields-too-large': [0, 'The fields of one message are together far larger than allowed.'],
    'h2.reply-flood': [0, 'The peer makes us reply, and does not read the replies.'],
    'h2.compression-error': [0, 'A field block cannot be decoded.'],
    'h2.frame-size': [0, 'A frame is longer than allowed, or not as long as its type wants.'],
    'h2.bad-padding': [0, 'The padding of a frame is longer than the frame.'],
    'h2.bad-priority': [0, 'A stream depends on itself.'],
    'h2.bad-settings': [0, 'A setting has a value that is not allowed.'],
    'h2.bad-preface': [0, 'The connection does not start with the HTTP/2 preface and SETTINGS.'],
    'h2.unexpected-frame': [0, 'A frame came where it may not: on stream 0, on a stream, or inside a field block.'],
    'h2.push-promise': [0, 'PUSH_PROMISE came, and push is switched off.'],
    'h2.settings-timeout': [0, 'Our SETTINGS were not acknowledged in time.'],
    'h2.bad-status': [0, 'The :status is not a number from 100 to 599, or is 101.'],
    'h2.informational-end': [0, 'An informational response ends its stream.'],
    'h2.too-many-informational': [0, 'Too many informational responses came before the final one.'],
    'h2.keep-alive-timeout': [0, 'The peer did not answer a PING in time.'],
    'h2.headers-timeout': [0, 'A frame or a field block took too long.'],
  } satisfies Record<string, readonly [number, string]>).map(([reason, [status, message]]) => [
    reason,
    { status, message },
  ]),
);

const unknown: Refusal = { status: 0, message: 'The peer broke the rules of HTTP/2.' };

/** What to answer for a reason. */
export function refusal(reason: string): Refusal {
  return refusals.get(reason) ?? unknown;
}
