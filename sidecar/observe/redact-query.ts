const secretParameters =
  /([?&](?:access_token|id_token|refresh_token|token|code|api[-_]?key|apikey|key|passw(?:or)?d|secret|client_secret|signature|sig|x-amz-signature|x-amz-security-token)=)[^&]*/gi;

/** The path with the values of query parameters that usually carry secrets blanked out, for logs and spans. */
export function redactQuery(path: string): string {
  return path.includes('?') ? path.replace(secretParameters, '$1[redacted]') : path;
}
