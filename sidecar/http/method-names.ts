/** Methods of the IANA registry and those that caches use; one string for all requests. */
const registered: ReadonlyMap<string, string> = new Map(
  [
    'ACL BASELINE-CONTROL BIND CHECKIN CHECKOUT CONNECT COPY DELETE GET HEAD LABEL LINK LOCK MERGE MKACTIVITY',
    'MKCALENDAR MKCOL MKREDIRECTREF MKWORKSPACE MOVE OPTIONS ORDERPATCH PATCH POST PROPFIND PROPPATCH PURGE PUT',
    'QUERY REBIND REPORT SEARCH SOURCE SUBSCRIBE UNBIND UNCHECKOUT UNLINK UNLOCK UNSUBSCRIBE UPDATE',
    'UPDATEREDIRECTREF VERSION-CONTROL M-SEARCH NOTIFY TRACE TRACK',
  ]
    .join(' ')
    .split(' ')
    .map((method) => [method, method]),
);

/**
 * The method to use, or the reason for a refusal, which starts with `h1.`. Echoing methods are never served
 * (security.md L-23). At the edge only registered methods are; inside the mesh any in upper case.
 */
export function readMethod(text: string, edge: boolean, allowConnect: boolean): string {
  const method = registered.get(text);
  if (method === undefined) return edge || /[a-z]/.test(text) ? 'h1.unknown-method' : text;
  if (method === 'TRACE' || method === 'TRACK' || (method === 'CONNECT' && !allowConnect))
    return 'h1.method-not-allowed';
  return method;
}
