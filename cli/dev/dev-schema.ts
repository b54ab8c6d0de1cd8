import { z } from 'zod';

const label = z
  .string()
  .regex(/^[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?$/, 'must be a DNS label: lower-case letters, digits and -');
const port = z.int('must be a whole number').min(0, 'must be 0 to 65535').max(65_535, 'must be 0 to 65535');
const variable = z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/, 'must be the name of an environment variable');

const devPort = z.strictObject({
  /** As a Service's `targetPort` names it. Default `http`, or `tcp`. */
  name: label.optional(),
  /** Where the program listens; 0, the default, for a free one that it is told. */
  port: port.default(0),
  /** The variable that tells it. Default `PORT`. */
  env: variable.default('PORT'),
  /** Port of the Service that is made when none exists. Default: the same as `port`. */
  servicePort: port.optional(),
  protocol: z.enum(['http', 'http2', 'tcp']).default('http'),
});

const devProcess = z.strictObject({
  /** The workload's name, unique in its namespace. */
  name: label,
  namespace: label.optional(),
  /** Program and arguments; no shell. `node` is the Node that runs Heddle. */
  command: z.array(z.string()).min(1, 'must name a program'),
  /** Relative to the file. Default: the file's folder. */
  cwd: z.string().default('.'),
  env: z.record(variable, z.string()).default({}),
  service: label.optional(),
  /** Default: the service, or the name. */
  serviceAccount: label.optional(),
  labels: z.record(z.string(), z.string()).default({}),
  ports: z.array(devPort).default([]),
  /** `<service>[.<namespace>][:<port>]=<local port>`; 0 for a free one, told as HEDDLE_UPSTREAM_<NAME>_PORT. */
  upstreams: z
    .array(z.string().regex(/^[a-z0-9.-]+(:\d+)?=\d+$/, 'must be <service>[.<namespace>][:<port>]=<local port>'))
    .default([]),
});

const devGateway = z.strictObject({
  /** `<name>` or `<namespace>/<name>` of the Gateway object. */
  gateway: z.string().regex(/^(?:[-a-z0-9]+\/)?[-a-z0-9]+$/, 'must be <name> or <namespace>/<name>'),
  /** Default: the Gateway's name. */
  serviceAccount: label.optional(),
  /** Address its listeners bind. */
  address: z.string().default('127.0.0.1'),
});

/** `kind: Dev` (heddle.dev/v1alpha1): the programs of a mesh on one machine, for `heddle dev`. Not an API object. */
export const devSchema = z.strictObject({
  apiVersion: z.literal('heddle.dev/v1alpha1'),
  kind: z.literal('Dev'),
  metadata: z.strictObject({ name: label, namespace: label.default('default') }),
  spec: z.strictObject({
    processes: z.array(devProcess).default([]),
    gateways: z.array(devGateway).default([]),
  }),
});

export type DevDocument = z.infer<typeof devSchema>;
export type DevProcess = DevDocument['spec']['processes'][number];
export type DevGateway = DevDocument['spec']['gateways'][number];
