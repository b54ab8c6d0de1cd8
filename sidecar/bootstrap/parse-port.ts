import type { PortOption, UpstreamOption } from './sidecar-options.ts';

const portSyntax = /^(?:(?<name>[a-z0-9-]+)=)?(?<app>\d+)(?:\/(?<protocol>[a-z]+))?(?::(?<service>\d+))?$/;
const upstreamSyntax = /^(?<service>[a-z0-9][a-z0-9.-]*(?::\d+)?)=(?<local>\d+)$/;

/** What may stand behind the slash, and the protocol that it means. */
const protocols: Readonly<Record<string, PortOption['protocol']>> = {
  http: 'http',
  http2: 'http2',
  h2c: 'http2',
  grpc: 'http2',
  tcp: 'tcp',
};

/** Reads `[name=]<app port>[/http|http2|grpc|tcp][:<service port>]`. One port, or none with the problem added. */
export function parsePort(spec: string, inboundPort: number, problems: string[]): PortOption[] {
  const { name, app, protocol: word = 'http', service = '0' } = portSyntax.exec(spec)?.groups ?? {};
  if (app === undefined) {
    problems.push(
      `--port "${spec}": must be [name=]<port>[/http|http2|grpc|tcp][:<service port>], for example web=3000/http:80`,
    );
    return [];
  }
  const before = problems.length;
  const appPort = checkPort(`--port "${spec}"`, app, 1, problems);
  const servicePort = checkPort(`--port "${spec}"`, service, 0, problems);
  const protocol = Object.hasOwn(protocols, word) ? protocols[word] : undefined;
  if (protocol === undefined) problems.push(`--port "${spec}": protocol must be http, http2, grpc or tcp`);
  if (problems.length > before || protocol === undefined) return [];
  return [{ name: name ?? `${word}-${appPort}`, appPort, protocol, servicePort, inboundPort }];
}

/** Reads `<service>[.<namespace>][:<port>]=<local port>`. One upstream, or none with the problem added. */
export function parseUpstream(spec: string, problems: string[]): UpstreamOption[] {
  const { service, local } = upstreamSyntax.exec(spec)?.groups ?? {};
  if (service === undefined || local === undefined) {
    problems.push(
      `--upstream "${spec}": must be <service>[.<namespace>][:<port>]=<local port>, for example redis:6379=7000`,
    );
    return [];
  }
  return [{ service, localPort: checkPort(`--upstream "${spec}"`, local, 0, problems) }];
}

function checkPort(context: string, digits: string, least: number, problems: string[]): number {
  const port = Number(digits);
  if (port < least || port > 65_535) problems.push(`${context}: ${digits} is not a port`);
  return port;
}
