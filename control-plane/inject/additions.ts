import { type PodSettings, readAnnotations } from './annotations.ts';
import { type InjectOptions, initContainerName, proxyContainerName, proxyUid, statusAnnotation } from './options.ts';
import { annotationsOf, labelsOf, type Pod } from './pod.ts';

/** All that injection adds to a pod. Nothing of the pod is changed or removed. */
export interface Additions {
  annotations: Record<string, string>;
  /** Placed before the pod's own, so that those already reach the mesh. */
  initContainers: object[];
  volumes: object[];
}

export type Decision =
  | { kind: 'inject'; additions: Additions }
  | { kind: 'skip'; reason: string }
  | { kind: 'refuse'; problems: string[] };

/**
 * Decides about one pod. Skips, with the reason, what cannot or should not have a sidecar; refuses a pod whose
 * annotations are wrong, because a half-configured sidecar is worse than a clear error.
 */
export function decide(pod: Pod, namespace: string, options: InjectOptions): Decision {
  const annotations = annotationsOf(pod);
  if (options.excludedNamespaces.includes(namespace))
    return { kind: 'skip', reason: `namespace ${namespace} is excluded` };
  if (annotations[statusAnnotation] !== undefined) return { kind: 'skip', reason: 'already injected' };
  const names = [...(pod.spec.initContainers ?? []), ...(pod.spec.containers ?? [])].map(({ name }) => name);
  if (names.includes(proxyContainerName) || names.includes(initContainerName)) {
    return {
      kind: 'refuse',
      problems: [
        `a container is named ${proxyContainerName} or ${initContainerName}, but the pod was not injected; rename it`,
      ],
    };
  }
  const wish = annotations['heddle.dev/inject'] ?? labelsOf(pod)['heddle.dev/inject'];
  if (wish === 'disabled' || wish === 'false') return { kind: 'skip', reason: 'heddle.dev/inject is disabled' };
  if (pod.spec.hostNetwork === true)
    return { kind: 'skip', reason: 'hostNetwork: interception would catch the whole node' };
  if (pod.spec.os?.name === 'windows') return { kind: 'skip', reason: 'the proxy runs on Linux only' };

  const { settings, problems } = readAnnotations(annotations, options);
  if (problems.length > 0) return { kind: 'refuse', problems };
  return { kind: 'inject', additions: buildAdditions(pod, settings, options) };
}

function buildAdditions(pod: Pod, settings: PodSettings, options: InjectOptions): Additions {
  const status = { version: settings.image, initContainers: [initContainerName, proxyContainerName] };
  const additions: Additions = {
    annotations: { [statusAnnotation]: JSON.stringify(status) },
    initContainers: [initContainer(settings), proxyContainer(pod, settings, options)],
    volumes: [
      { name: 'heddle-state', emptyDir: { medium: 'Memory', sizeLimit: '16Mi' } },
      { name: 'heddle-trust-bundle', configMap: { name: 'heddle-trust-bundle' } },
      {
        name: 'heddle-token',
        projected: {
          sources: [{ serviceAccountToken: { audience: 'heddle.dev', expirationSeconds: 3600, path: 'token' } }],
        },
      },
    ],
  };
  return additions;
}

/** Sets up nftables before anything else starts, then ends. */
function initContainer(settings: PodSettings): object {
  const args = ['interception', 'install', '--proxy-uid', String(proxyUid)];
  if (settings.skipOutboundPorts !== '') args.push('--skip-outbound-ports', settings.skipOutboundPorts);
  if (settings.skipInboundPorts !== '') args.push('--skip-inbound-ports', settings.skipInboundPorts);
  return {
    name: initContainerName,
    image: settings.image,
    args,
    securityContext: {
      runAsUser: 0,
      runAsNonRoot: false,
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'], add: ['NET_ADMIN', 'NET_RAW'] },
    },
    resources: { requests: { cpu: '10m', memory: '32Mi' } },
  };
}

/** A native sidecar: started before the pod's containers, stopped after them, and no hindrance to a Job's end. */
function proxyContainer(pod: Pod, settings: PodSettings, options: InjectOptions): object {
  const fieldRef = (name: string, fieldPath: string) => ({ name, valueFrom: { fieldRef: { fieldPath } } });
  const app = labelsOf(pod)['app.kubernetes.io/name'] ?? labelsOf(pod).app;
  const limits = {
    ...(settings.cpuLimit === undefined ? {} : { cpu: settings.cpuLimit }),
    ...(settings.memoryLimit === undefined ? {} : { memory: settings.memoryLimit }),
  };
  return {
    name: proxyContainerName,
    image: settings.image,
    restartPolicy: 'Always',
    args: [
      'sidecar',
      '--mode=sidecar',
      '--name=$(POD_NAME)',
      '--namespace=$(POD_NAMESPACE)',
      '--service-account=$(SERVICE_ACCOUNT)',
      '--address=$(POD_IP)',
      ...(app === undefined ? [] : [`--label=app=${app}`]),
      `--control-plane=${options.controlPlane}`,
      '--trust-bundle=/var/run/heddle/trust/trust-bundle.pem',
      '--join-token-file=/var/run/heddle/token/token',
      '--state-dir=/var/run/heddle/state',
      `--access-log=${settings.accessLog ? '-' : 'off'}`,
      `--trace-sample=${settings.traceSample}`,
      `--log-level=${settings.logLevel}`,
    ],
    env: [
      fieldRef('POD_NAME', 'metadata.name'),
      fieldRef('POD_NAMESPACE', 'metadata.namespace'),
      fieldRef('SERVICE_ACCOUNT', 'spec.serviceAccountName'),
      fieldRef('POD_IP', 'status.podIP'),
    ],
    ports: [
      { name: 'heddle-inbound', containerPort: 15006, protocol: 'TCP' },
      { name: 'heddle-health', containerPort: 15021, protocol: 'TCP' },
      { name: 'heddle-metrics', containerPort: 15090, protocol: 'TCP' },
    ],
    startupProbe: { httpGet: { path: '/ready', port: 15021 }, periodSeconds: 1, failureThreshold: 60 },
    readinessProbe: { httpGet: { path: '/ready', port: 15021 }, periodSeconds: 5, failureThreshold: 3 },
    securityContext: {
      runAsUser: proxyUid,
      runAsGroup: proxyUid,
      runAsNonRoot: true,
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    },
    resources: {
      requests: { cpu: settings.cpuRequest, memory: settings.memoryRequest },
      ...(Object.keys(limits).length === 0 ? {} : { limits }),
    },
    volumeMounts: [
      { name: 'heddle-state', mountPath: '/var/run/heddle/state' },
      { name: 'heddle-trust-bundle', mountPath: '/var/run/heddle/trust', readOnly: true },
      { name: 'heddle-token', mountPath: '/var/run/heddle/token', readOnly: true },
    ],
  };
}
