/** What an endpoint says of its load (xDS ORCA, `xds.data.orca.v3.OrcaLoadReport`), as far as it is used here. */
export interface LoadReport {
  /** 0 and more; 1 is full. */
  cpuUtilization: number;
  /** As the application itself reckons it; counts before the CPU's where it is set. */
  applicationUtilization: number;
  requestsPerSecond: number;
  errorsPerSecond: number;
}

const longestReport = 4_096;

/**
 * Reads the header `endpoint-load-metrics`: `TEXT key=value,…` or `JSON {…}`. `undefined` for anything else, for
 * numbers that are none, and for what is longer than 4 KiB: an endpoint's words change its weight and nothing more.
 */
export function parseLoadReport(value: string): LoadReport | undefined {
  if (value.length > longestReport) return undefined;
  const fields = value.startsWith('JSON ') ? readJson(value.slice(5)) : readText(value.replace(/^TEXT /, ''));
  if (fields === undefined) return undefined;
  const number = (...names: string[]): number => {
    for (const name of names) {
      const value = fields.get(name);
      // Of anything else JavaScript may call a method that the sender has replaced.
      const found = typeof value === 'number' || typeof value === 'string' ? Number(value) : 0;
      if (found > 0 && Number.isFinite(found)) return found;
    }
    return 0;
  };
  return {
    cpuUtilization: number('cpu_utilization', 'cpuUtilization'),
    applicationUtilization: number('application_utilization', 'applicationUtilization'),
    requestsPerSecond: number('rps_fractional', 'rpsFractional', 'rps'),
    errorsPerSecond: number('eps'),
  };
}

function readText(text: string): Map<string, unknown> | undefined {
  const fields = new Map<string, unknown>();
  for (const part of text.split(',')) {
    const at = part.indexOf('=');
    if (at < 1) return undefined;
    fields.set(part.slice(0, at).trim(), part.slice(at + 1).trim());
  }
  return fields;
}

function readJson(text: string): Map<string, unknown> | undefined {
  try {
    const parsed: unknown = JSON.parse(text);
    if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) return undefined;
    return new Map(Object.entries(parsed));
  } catch {
    return undefined;
  }
}
