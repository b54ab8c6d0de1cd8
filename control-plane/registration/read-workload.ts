import net from 'node:net';
import type { Workload } from '../../proto/gen/heddle/registration/v1/registration.ts';
import type { RegisteredWorkload } from '../sources/registered-workload.ts';

const maxPorts = 100;
const maxUpstreams = 1_000;
const maxLabels = 64;
const protocols = ['http', 'http2', 'tcp'] as const;

/** Checks what a sidecar says of its workload and answers all problems at once. Names are left to the schema. */
export function readWorkload(
  message: Workload,
): { ok: true; value: RegisteredWorkload } | { ok: false; problems: string[] } {
  const problems: string[] = [];
  if (net.isIP(message.address) === 0) problems.push(`address: "${clip(message.address)}" is not an IP address`);
  if (Object.keys(message.labels).length > maxLabels) problems.push(`labels: more than ${maxLabels}`);
  if (message.ports.length > maxPorts) problems.push(`ports: more than ${maxPorts}`);
  if (message.upstreams.length > maxUpstreams) problems.push(`upstreams: more than ${maxUpstreams}`);
  const ports = message.ports.slice(0, maxPorts).map((port, index) => {
    const at = `ports[${index}]`;
    const { name, appPort, inboundPort, servicePort } = port;
    checkPort(problems, `${at}.app_port`, appPort, 1);
    checkPort(problems, `${at}.inbound_port`, inboundPort, 1);
    checkPort(problems, `${at}.service_port`, servicePort, 0);
    const protocol = protocols.find((known) => known === port.protocol);
    if (protocol === undefined) {
      problems.push(`${at}.protocol: "${clip(port.protocol)}" is none of ${protocols.join(', ')}`);
    }
    return { name, appPort, inboundPort, servicePort, protocol: protocol ?? 'http' };
  });
  const upstreams = message.upstreams.slice(0, maxUpstreams).map(({ service, localPort }, index) => {
    checkPort(problems, `upstreams[${index}].local_port`, localPort, 1);
    if (!/^[a-z0-9-]+(\.[a-z0-9.-]+)?(:\d{1,5})?$/.test(service)) {
      problems.push(`upstreams[${index}].service: "${clip(service)}" is not <service>[.<namespace>][:<port>]`);
    }
    return { service, localPort };
  });
  if (problems.length > 0) return { ok: false, problems };
  const { name, namespace, serviceAccount, labels, address, service } = message;
  return {
    ok: true,
    value: {
      name,
      namespace,
      serviceAccount,
      labels,
      address,
      ports,
      upstreams,
      service: service === '' ? undefined : service,
    },
  };
}

function checkPort(problems: string[], at: string, port: number, min: number): void {
  if (port < min || port > 65_535) problems.push(`${at}: ${port} is not a port`);
}

function clip(text: string): string {
  return text.slice(0, 60);
}
