import type { Cluster } from '../../proto/gen/envoy/config/cluster/v3/cluster.ts';
import { ApiConfigSource, ApiConfigSource_ApiType } from '../../proto/gen/envoy/config/core/v3/config_source.ts';
import { GrpcService, GrpcService_EnvoyGrpc } from '../../proto/gen/envoy/config/core/v3/grpc_service.ts';
import { fieldsOf } from '../discovery/message-fields.ts';
import { join, type Reader } from '../discovery/reader.ts';

export const apiConfigSourceFields = fieldsOf(ApiConfigSource, {
  supported: ['apiType', 'grpcServices'],
  ignored: {
    transportApiVersion: 'version 3 is the only one spoken',
    setNodeOnFirstMessageOnly: 'the node is sent once for each stream',
  },
  limits: { apiType: '`GRPC` and `DELTA_GRPC`', grpcServices: 'one' },
});

export const grpcServiceFields = fieldsOf(GrpcService, {
  supported: ['targetSpecifier.envoyGrpc', 'initialMetadata'],
  ignored: { timeout: 'a stream has no time limit' },
});

export const envoyGrpcFields = fieldsOf(GrpcService_EnvoyGrpc, { supported: ['clusterName', 'authority'] });

/** The server of the aggregated stream (`ads_config`). */
export interface AdsSource {
  /** A static cluster with the server's address and TLS. */
  readonly cluster: string;
  readonly form: 'delta' | 'sotw';
  /** `:authority`; empty for the address. */
  readonly authority: string;
  readonly metadata: readonly { key: string; value: string }[];
}

/** Reads `ads_config`. Its cluster must be among `clusters`, those written into the bootstrap. */
export function decodeAds(
  reader: Reader,
  path: string,
  message: ApiConfigSource,
  clusters: readonly Cluster[],
): AdsSource | undefined {
  reader.only(path, message, apiConfigSourceFields);
  const { GRPC, DELTA_GRPC } = ApiConfigSource_ApiType;
  if (message.apiType !== GRPC && message.apiType !== DELTA_GRPC) {
    reader.problem(join(path, 'api_type'), 'must be GRPC or DELTA_GRPC');
  }
  const [service, second] = message.grpcServices;
  if (second !== undefined) reader.problem(join(path, 'grpc_services[1]'), 'more than one server is not supported');
  if (service === undefined) {
    reader.problem(join(path, 'grpc_services'), 'missing');
    return undefined;
  }
  const at = join(path, 'grpc_services[0]');
  reader.only(at, service, grpcServiceFields);
  if (service.targetSpecifier?.$case !== 'envoyGrpc') {
    if (service.targetSpecifier === undefined) reader.problem(join(at, 'envoy_grpc'), 'missing');
    return undefined;
  }
  const grpc = service.targetSpecifier.value;
  reader.only(join(at, 'envoy_grpc'), grpc, envoyGrpcFields);
  const namePath = join(at, 'envoy_grpc.cluster_name');
  const cluster = reader.required(namePath, grpc.clusterName);
  if (cluster !== '' && !clusters.some(({ name }) => name === cluster)) {
    reader.problem(namePath, `"${cluster}" is not among static_resources.clusters`);
  }
  return {
    cluster,
    form: message.apiType === DELTA_GRPC ? 'delta' : 'sotw',
    authority: grpc.authority,
    metadata: service.initialMetadata.map(({ key, value }) => ({ key, value })),
  };
}
