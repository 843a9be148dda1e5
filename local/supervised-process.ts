import { newContainer, nextTick, stepContainer } from './kubelet/container.machine.ts';
import type { Backoff, Container, ContainerEvent } from './kubelet/container.machine.ts';
import { startProcess } from './kubelet/container-process.ts';
import type { ContainerProcess, ProcessSpec } from './kubelet/container-process.ts';
import type { KubeletLogger } from './kubelet/kubelet.ts';

const BACKOFF: Backoff = { firstMs: 1_000, maxMs: 10_000, resetMs: 60_000 };

/** A program that is kept running: restarted when it ends, with growing pauses. */
export class SupervisedProcess {
  private readonly name: string;
  private readonly spec: Omit<ProcessSpec, 'run'>;
  private readonly logger: KubeletLogger;
  private readonly backoff: Backoff;
  private readonly done: Promise<void>;
  private finish: () => void = () => undefined;
  private machine: Container;
  private process: ContainerProcess | undefined;
  private timer: NodeJS.Timeout | undefined;

  constructor(name: string, spec: Omit<ProcessSpec, 'run'>, logger: KubeletLogger, backoff: Backoff = BACKOFF) {
    this.name = name;
    this.spec = spec;
    this.logger = logger;
    this.backoff = backoff;
    this.machine = newContainer(Date.now());
    this.done = new Promise((resolve) => (this.finish = resolve));
    this.advance({ type: 'tick' });
  }

  /** How often it had to be started again, and its last words; undefined while it has never ended. */
  get trouble(): { restarts: number; message: string } | undefined {
    const { restartCount, last } = this.machine;
    return last === undefined ? undefined : { restarts: restartCount, message: last.message };
  }

  /** Number of the running process; undefined while there is none. */
  get pid(): number | undefined {
    return this.process?.pid;
  }

  /** Asks it to end, kills it after `graceMs`, and returns when it is gone. */
  async stop(graceMs: number): Promise<void> {
    this.advance({ type: 'stop', graceMs, final: true });
    await this.done;
  }

  private advance(event: ContainerEvent): void {
    const policy = { image: this.name, restart: 'Always', backoff: this.backoff } as const;
    const step = stepContainer(this.machine, event, Date.now(), policy);
    this.machine = step.container;
    for (const action of step.actions) {
      if (action === 'start') void this.start();
      else if (action === 'terminate') this.process?.terminate();
      else this.process?.kill();
    }
    clearTimeout(this.timer);
    const next = nextTick(this.machine);
    if (next !== undefined) {
      this.timer = setTimeout(() => this.advance({ type: 'tick' }), Math.max(0, next - Date.now()) + 1);
    }
    if (this.machine.state.kind === 'terminated') this.finish();
  }

  private async start(): Promise<void> {
    try {
      const started = await startProcess({ ...this.spec, run: this.machine.restartCount });
      this.process = started;
      void started.ended.then((end) => {
        this.process = undefined;
        this.logger.warn({ program: this.name, exitCode: end.exitCode }, 'program ended');
        this.advance({ type: 'exited', ...end });
      });
      this.advance({ type: 'started' });
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      this.logger.error({ program: this.name, err: error }, 'program cannot be started');
      this.advance({ type: 'startFailed', reason: 'RunContainerError', message });
    }
  }
}
