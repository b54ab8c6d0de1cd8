import type { Metadata } from '../../proto/gen/envoy/config/core/v3/base.ts';
import type { MetadataMatch } from '../balance/balancer.ts';
import { metadataMatch } from '../balance/subsets.ts';
import { metadataEntries } from './decode-spread.ts';
import type { Targets } from './decode-targets.ts';

/** Reads `metadata_match`, of which `envoy.lb` counts; for a spread into a target. */
export function decodeMetadataMatch(message: Metadata | undefined): { metadataMatch?: MetadataMatch } {
  const entries = metadataEntries(message?.filterMetadata['envoy.lb']);
  return entries.length === 0 ? {} : { metadataMatch: metadataMatch(entries) };
}

/** Joins the `metadata_match` of an action to those of its clusters, which count more. */
export function withMetadata(targets: Targets, action: { metadataMatch: Metadata | undefined }): Targets {
  const outer = decodeMetadataMatch(action.metadataMatch).metadataMatch?.entries;
  if (outer === undefined) return targets;
  const clusters = targets.clusters.map((cluster) => {
    const merged = new Map([...outer, ...(cluster.metadataMatch?.entries ?? [])]);
    return { ...cluster, metadataMatch: metadataMatch([...merged].sort(([a], [b]) => (a < b ? -1 : 1))) };
  });
  return { ...targets, clusters };
}
