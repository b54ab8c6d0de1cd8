/** What the mesh, not the pod, decides about an injected sidecar. */
export interface InjectOptions {
  /** Image of proxy and interception container, for example `ghcr.io/heddle/proxy:0.1.0`. */
  image: string;
  /** `host:port` of the control plane, as pods reach it. */
  controlPlane: string;
  trustDomain: string;
  /** Registries from which a pod may choose another image by annotation; the one of `image` is always allowed. */
  imageRegistries: readonly string[];
  /** Namespaces whose pods are never touched. */
  excludedNamespaces: readonly string[];
}

export const defaultInjectOptions: InjectOptions = {
  image: 'ghcr.io/heddle/proxy:0.1.0',
  controlPlane: 'heddle-control-plane.heddle-system.svc:15012',
  trustDomain: 'cluster.local',
  imageRegistries: [],
  excludedNamespaces: ['kube-system', 'kube-public', 'kube-node-lease', 'heddle-system'],
};

/** UID of the proxy; its own traffic is not intercepted. The number is Istio's, so existing policies fit. */
export const proxyUid = 1337;

export const proxyContainerName = 'heddle-proxy';
export const initContainerName = 'heddle-init';
export const statusAnnotation = 'heddle.dev/status';
