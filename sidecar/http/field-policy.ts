/**
 * What becomes of field names with `_` or `.`, which CGI-like servers cannot tell from `-`: refused at the edge,
 * dropped (and counted) inside the mesh, or let through (security.md L-22).
 */
export type AliasPolicy = 'reject' | 'drop' | 'allow';

/** Told of every field that is left out of a message, with the reason as a metric's label and the field's name. */
export type DroppedField = (reason: string, name: string) => void;
