import fs from 'node:fs';
import path from 'node:path';

/** A control group that bounds the memory of what runs in it, whichever version of control groups is mounted. */
export class MemoryGroup {
  readonly folder: string;
  readonly #unified: boolean;

  private constructor(folder: string, unified: boolean) {
    this.folder = folder;
    this.#unified = unified;
  }

  /** `undefined` where none can be made: that needs root, and a mounted memory controller. */
  static create(limitBytes: number): MemoryGroup | undefined {
    const name = `heddle-chaos-${process.pid}`;
    for (const [base, unified] of [
      ['/sys/fs/cgroup/memory', false],
      ['/sys/fs/cgroup', true],
    ] as const) {
      const group = new MemoryGroup(path.join(base, name), unified);
      if (unified && !fs.existsSync(path.join(base, 'cgroup.controllers'))) continue;
      if (!fs.existsSync(base)) continue;
      try {
        fs.mkdirSync(group.folder);
        fs.writeFileSync(path.join(group.folder, unified ? 'memory.max' : 'memory.limit_in_bytes'), String(limitBytes));
        return group;
      } catch {
        fs.rmSync(group.folder, { recursive: true, force: true });
      }
    }
    return undefined;
  }

  /** Put before a command, it starts it in the group. */
  get prefix(): readonly string[] {
    return ['sh', '-c', `echo $$ > ${path.join(this.folder, 'cgroup.procs')} && exec "$@"`, 'sh'];
  }

  /** Times that the kernel killed something here for want of memory. */
  get kills(): number {
    const file = path.join(this.folder, this.#unified ? 'memory.events' : 'memory.oom_control');
    return Number(/oom_kill (\d+)/.exec(fs.readFileSync(file, 'utf8'))?.[1] ?? 0);
  }

  /** When nothing runs in it any more. */
  remove(): void {
    try {
      fs.rmdirSync(this.folder);
    } catch {
      // The kernel still counts a process that has just ended; the group is empty and harmless.
    }
  }
}
