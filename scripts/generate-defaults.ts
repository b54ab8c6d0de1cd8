// Writes docs/defaults.md from the values that the code uses.
// Usage: node scripts/generate-defaults.ts [output file]
import fs from 'node:fs';
import path from 'node:path';
import { meshDefaults } from '../control-plane/registry/mesh-defaults.ts';
import { proxyDefaults } from '../sidecar/bootstrap/proxy-defaults.ts';

const root = path.resolve(import.meta.dirname, '..');

/** The document as it must be now. */
export function defaultsDocument(): string {
  const rows = [...meshDefaults(), ...proxyDefaults()];
  const groups = [...new Set(rows.map(({ group }) => group))].map((group) => {
    const lines = rows.filter((row) => row.group === group);
    return `## ${group}

| name | default | why |
| ---- | ------- | --- |
${lines.map(({ name, value, reason }) => `| ${name} | ${value} | ${reason} |`).join('\n')}`;
  });
  return `# Defaults

<!-- Written by \`npm run generate:compat\` from the constants in the code. Do not edit. -->

What holds where nothing is said, with the reason. \`heddle defaults\` prints the same. The first table is what the control
plane writes for a mesh; the others are what a proxy does whose configuration says nothing, for example one of an Envoy
bootstrap.

${groups.join('\n\n')}
`;
}

if (process.argv[1] === import.meta.filename) {
  fs.writeFileSync(process.argv[2] ?? path.join(root, 'docs/defaults.md'), defaultsDocument());
}
