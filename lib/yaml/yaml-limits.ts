/** What a YAML text may be at most (security.md L-84). */
export const yamlLimits = {
  bytes: 4 * 1024 * 1024,
  documents: 1_000,
  depth: 64,
  aliases: 50,
  /** Nodes that aliases may stand for, all together: fifty aliases can still name 2^25 nodes. */
  aliasedNodes: 10_000,
  /** Problems listed for one file; more would not be read. */
  problems: 100,
} as const;
