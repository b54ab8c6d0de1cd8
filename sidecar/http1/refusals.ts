/** Why a request is refused: the status answered (0: only closed) and what a person can do about it. */
interface Refusal {
  readonly status: number;
  readonly message: string;
}

const refusals: ReadonlyMap<string, Refusal> = new Map(
  Object.entries({
    'h1.tls-on-plaintext': [0, 'TLS was spoken on a port that expects plain HTTP.'],
    'h1.truncated-head': [0, 'The connection ended inside a request head.'],
    'h1.malformed-request-line': [
      400,
      'The request line must be METHOD SP target SP HTTP/1.1 CRLF, with single spaces.',
    ],
    'h1.leading-crlf': [400, 'More than one empty line stands before the request line.'],
    'h1.bad-target': [400, 'The request target is not an origin, absolute, authority or asterisk form of RFC 9112.'],
    'h1.bad-target-byte': [
      400,
      'The request target has a control, non-ASCII or fragment character; percent-encode it.',
    ],
    'h1.backslash-in-path': [400, 'The path has a backslash; percent-encoding is refused too, use a slash.'],
    'h1.encoded-slash': [400, 'The path has an encoded slash or backslash, which servers read differently.'],
    'h1.encoded-nul': [400, 'The path has an encoded NUL.'],
    'h1.empty-path-segment': [400, 'The path has an empty segment (//), which servers read differently.'],
    'h1.semicolon-in-path': [400, 'The path has a semicolon, which servers read differently.'],
    'h1.bad-percent-encoding': [400, 'The path has a % that is not followed by two hexadecimal digits.'],
    'h1.path-above-root': [400, 'The path climbs above the root with dot segments.'],
    'h1.request-line-too-long': [414, 'The request line is longer than allowed.'],
    'h1.method-not-allowed': [405, 'This method is not allowed here.'],
    'h1.unknown-method': [501, 'This method is not known here.'],
    'h1.version-not-supported': [505, 'Only HTTP/1.1 is spoken here.'],
    'h1.http2-preface': [505, 'HTTP/2 was spoken on a port that expects HTTP/1.1.'],
    'h1.http10': [426, 'HTTP/1.0 is not served here; use HTTP/1.1.'],
    'h1.bare-cr': [400, 'A CR is not followed by LF.'],
    'h1.bare-lf': [400, 'A line ends in LF alone; CRLF is required.'],
    'h1.obs-fold': [400, 'A field line starts with white space (line folding).'],
    'h1.empty-field-name': [400, 'A field has no name.'],
    'h1.bad-field-name': [400, 'A field name has a character that is not allowed.'],
    'h1.space-before-colon': [400, 'White space stands between a field name and its colon.'],
    'h1.bad-field-value': [400, 'A field value has a control character.'],
    'h1.too-many-fields': [431, 'The request has more fields than allowed.'],
    'h1.headers-too-large': [431, 'The fields of the request are together larger than allowed.'],
    'h1.field-too-large': [431, 'A field of the request is larger than allowed.'],
    'h1.alias-field-name': [400, 'A field name has an underscore or a dot, which servers take for a dash.'],
    'h1.missing-host': [400, 'The request has no Host field.'],
    'h1.duplicate-host': [400, 'The request has more than one Host field.'],
    'h1.bad-host': [400, 'The host is not a valid host[:port].'],
    'h1.host-mismatch': [400, 'The host of the request target differs from the Host field.'],
    'h1.scheme-mismatch': [400, 'The scheme of the request target is not the one of this connection.'],
    'h1.duplicate-content-length': [400, 'The request has more than one Content-Length.'],
    'h1.bad-content-length': [400, 'Content-Length must be a plain decimal number without sign or leading zeros.'],
    'h1.content-length-and-transfer-encoding': [400, 'The request has both Content-Length and Transfer-Encoding.'],
    'h1.bad-transfer-encoding': [400, 'Transfer-Encoding must be chunked, once.'],
    'h1.unsupported-transfer-coding': [501, 'Only the transfer coding chunked is understood here.'],
    'h1.transfer-encoding-in-http10': [400, 'HTTP/1.0 has no Transfer-Encoding.'],
    'h1.bad-connection': [400, 'The Connection field is not a list of at most 32 tokens.'],
    'h1.bad-expect': [417, 'Only Expect: 100-continue is understood here, once.'],
    'h1.upgrade-with-body': [400, 'A request to switch protocols must not have a body.'],
    'h1.connect-with-body': [400, 'CONNECT must not have a body.'],
    'h1.bad-chunk-size': [400, 'A chunk size is not a hexadecimal number followed by CRLF or an extension.'],
    'h1.bad-chunk-extension': [400, 'A chunk extension has no name or a control character.'],
    'h1.chunk-extensions-too-large': [413, 'The chunk extensions are together larger than allowed.'],
    'h1.bad-chunk-end': [400, 'The data of a chunk is not followed by CRLF.'],
    'h1.framing-trailer': [400, 'A trailer has the name of a framing or routing field.'],
    'h1.trailers-too-large': [431, 'The trailers are larger than allowed.'],
    'h1.headers-timeout': [408, 'The request head took too long.'],
    'h1.slow-body': [408, 'The request body came too slowly.'],
  } satisfies Record<string, readonly [number, string]>).map(([reason, [status, message]]) => [
    reason,
    { status, message },
  ]),
);

const unknown: Refusal = { status: 400, message: 'The request is not valid HTTP/1.1.' };

/** What to answer for a reason; 400 for one that has no entry. */
export function refusal(reason: string): Refusal {
  return refusals.get(reason) ?? unknown;
}
