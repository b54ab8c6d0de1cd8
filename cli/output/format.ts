export const outputFormats = ['wide', 'json', 'yaml', 'name'] as const;

/** What `-o` asks for; undefined for the plain table. */
export type OutputFormat = (typeof outputFormats)[number];

/** Data as the user wants to have it for another program. */
export async function serialize(value: unknown, format: 'json' | 'yaml'): Promise<string> {
  if (format === 'json') return `${JSON.stringify(value, undefined, 2)}\n`;
  // Loaded when asked for: most commands print a table and should start at once.
  const { stringify } = await import('yaml');
  return stringify(value, { lineWidth: 0 });
}
