import type { ResourceMonitorConfig } from './overload-config.ts';
import type { ResourceReadings } from './resource-readings.ts';

/** The pressure of one resource: 0 for none, 1 at its limit, more beyond. */
export class ResourceMonitor {
  readonly config: ResourceMonitorConfig;
  readonly #readings: ResourceReadings;
  readonly #lags: number[] = [];
  readonly #lagCount: number;
  pressure = 0;

  constructor(config: ResourceMonitorConfig, readings: ResourceReadings, refreshMs: number) {
    this.config = config;
    this.#readings = readings;
    this.#lagCount = config.kind === 'loop-lag' ? Math.max(1, Math.ceil(config.forMs / refreshMs)) : 0;
  }

  /** Throws where the reading fails; the pressure stays then. */
  refresh(): void {
    this.pressure = this.#read();
  }

  #read(): number {
    const { config } = this;
    const readings = this.#readings;
    switch (config.kind) {
      case 'fixed-heap':
        return readings.residentBytes() / config.maxBytes;
      case 'memory': {
        const { memoryLimitBytes } = readings;
        const resident = memoryLimitBytes === undefined ? 0 : readings.residentBytes() / memoryLimitBytes;
        return Math.max(resident, readings.heapShare());
      }
      case 'injected': {
        const value = Number.parseFloat(readings.readFile(config.file));
        if (!(value >= 0 && value <= 1)) throw new Error(`${config.file} does not hold a number from 0 to 1`);
        return value;
      }
      case 'loop-lag':
        this.#lags.push(readings.loopLagMs());
        if (this.#lags.length > this.#lagCount) this.#lags.shift();
        // One long turn is no overload: it must have lasted.
        return this.#lags.length < this.#lagCount ? 0 : Math.min(...this.#lags) / config.maxMs;
    }
  }
}
