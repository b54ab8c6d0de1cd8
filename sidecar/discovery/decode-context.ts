import type { Secret } from '../tls/secret.ts';
import type { ResourceType } from './type-urls.ts';

/** What decoders may reach for besides the message. */
export interface DecodeContext {
  /** Trust domain that roots for SPIFFE ids belong to. */
  readonly trustDomain: string;
  /** Milliseconds since the epoch. */
  readonly now: number;
  /** Data outside of the configuration that it may name; without it, such names are refused. */
  readonly local?: LocalData;
  /** Whether there is an aggregated stream that resources can come by. Default true. */
  readonly hasAds?: boolean;
  /** Processes that share what is meant for the proxy as a whole, such as a limit of connections. Default 1. */
  readonly workers?: number;
  /** Where decoders put what they find besides the value. */
  readonly findings?: Findings;
}

/** Files and the environment of this process. */
export interface LocalData {
  /** Throws when it cannot be read. */
  readFile(path: string): Buffer;
  environment(name: string): string | undefined;
}

/** What a resource holds or refers to besides its own value. */
export interface Findings {
  /** Secrets written into it, under names made from their content. */
  readonly secrets: Secret[];
  /** Files that hold resources it refers to. */
  readonly files: FileReference[];
  /** Fields that are set and passed over, with the reason. */
  readonly notes: { path: string; text: string }[];
}

/** A file with resources of one type (`path_config_source`). */
export interface FileReference {
  readonly type: ResourceType;
  readonly path: string;
  /** A folder whose renames tell of a change, as Kubernetes swaps `..data`; `undefined` to watch the file's own. */
  readonly watchedDirectory: string | undefined;
}

export function createFindings(): Findings {
  return { secrets: [], files: [], notes: [] };
}
