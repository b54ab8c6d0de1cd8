const get = (lines: string, line = 'GET /a?b=c HTTP/1.1') => `${line}\r\nHost: a.test\r\n${lines}\r\n`;
const post = (lines: string, body: string) => `POST /p HTTP/1.1\r\nHost: a.test\r\n${lines}\r\n${body}`;

/** Good and nearly good requests to start mutations from. */
export const corpus: readonly string[] = [
  get(''),
  get('Accept: */*\r\nUser-Agent: curl/8.5.0\r\nCookie: a=b; c=d\r\nConnection: keep-alive\r\n'),
  get('', 'HEAD / HTTP/1.1'),
  get('', 'OPTIONS * HTTP/1.1'),
  get('', 'GET http://a.test/x/../y HTTP/1.1'),
  get('', 'CONNECT a.test:443 HTTP/1.1'),
  get('', 'GET /a/./b/%2e%2e/c;d?e//f HTTP/1.1'),
  get('Connection: Upgrade, x-hop\r\nx-hop: 1\r\nUpgrade: websocket\r\n'),
  get('Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMA\r\n'),
  get('Connection: close\r\n'),
  get('TE: trailers\r\nx_y: 1\r\nx.y: 2\r\n'),
  get('A: b\r\n c\r\n'),
  'GET / HTTP/1.0\r\n\r\n',
  '\r\nGET / HTTP/1.1\r\nHost: [::1]:80\r\n\r\n',
  post('Content-Length: 5\r\n', 'hello'),
  post('Content-Length: 0\r\n', ''),
  post('Expect: 100-continue\r\nContent-Length: 3\r\n', 'abc'),
  post('Transfer-Encoding: chunked\r\n', '5\r\nhello\r\n0\r\n\r\n'),
  post(
    'Transfer-Encoding: chunked\r\n',
    '5;a="b c"\r\nhello\r\n6\r\n world\r\n0;x\r\nGrpc-Status: 0\r\nCookie: x\r\n\r\n',
  ),
  post('Transfer-Encoding: chunked\r\n', '0\r\nContent-Length: 5\r\n\r\n'),
  post('Transfer-Encoding: gzip, chunked\r\n', '0\r\n\r\n'),
  post('Content-Length: 43\r\n', 'GET /smuggled HTTP/1.1\r\nHost: evil.test\r\n\r\n\r\n'),
  post('Content-Length: 5\r\nTransfer-Encoding: chunked\r\n', '0\r\n\r\n'),
];
