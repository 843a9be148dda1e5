import type { SimEvent } from '../event-heap.ts';
import type { Kernel, Process } from '../kernel.ts';

/** The kernel of the world that runs in this thread; virtual modules act on it. */
let kernel: Kernel | null = null;

export function activeKernel(): Kernel {
  if (kernel === null) throw new Error('simulated code runs outside of a simulation');
  return kernel;
}

/** The process on whose behalf code runs now. */
export function activeProcess(): Process {
  const { current } = activeKernel();
  if (current === null) throw new Error('simulated code runs outside of a simulated process');
  return current;
}

/** A timer as code under test sees it. */
class VirtualTimer {
  event: SimEvent | null = null;
  ref(): this {
    return this;
  }
  unref(): this {
    return this;
  }
  hasRef(): boolean {
    return true;
  }
  close(): void {
    clear(this);
  }
  [Symbol.dispose](): void {
    clear(this);
  }
}

function clear(timer: unknown): void {
  if (timer instanceof VirtualTimer && timer.event !== null) timer.event.cancelled = true;
}

type Callback = (...args: unknown[]) => void;

function setTimer(run: Callback, milliseconds: number, args: unknown[]): VirtualTimer {
  const timer = new VirtualTimer();
  const owner = activeProcess();
  timer.event = activeKernel().after(Math.max(0, milliseconds) / owner.clockRate, owner, () => run(...args));
  return timer;
}

const real = {
  Date,
  random: Math.random,
  now: performance.now.bind(performance),
  setTimeout,
  setInterval,
  setImmediate,
  clearTimeout,
  clearInterval,
  clearImmediate,
  cpuUsage: process.cpuUsage.bind(process),
  memoryUsage: process.memoryUsage,
};

const NO_CPU = { user: 0, system: 0 };
const NO_MEMORY = { rss: 1, heapTotal: 1, heapUsed: 1, external: 0, arrayBuffers: 0 };

/** Real time, for progress and budgets of the simulator itself. */
export const realNow = real.now;
export const realImmediate = real.setImmediate;

class VirtualDate extends real.Date {
  constructor(...args: [] | [number | string | Date]) {
    if (args.length === 0) super(activeKernel().wallClock());
    else super(args[0]);
  }
  static override now(): number {
    return activeKernel().wallClock();
  }
}

const virtual = {
  setTimeout: (run: Callback, milliseconds = 0, ...args: unknown[]) => setTimer(run, Math.max(1, milliseconds), args),
  setInterval: (run: Callback, milliseconds = 0, ...args: unknown[]) => {
    const timer = new VirtualTimer();
    const owner = activeProcess();
    const step = Math.max(1, milliseconds) / owner.clockRate;
    const turn = (): void => {
      timer.event = activeKernel().after(step, owner, turn);
      run(...args);
    };
    timer.event = activeKernel().after(step, owner, turn);
    return timer;
  },
  setImmediate: (run: Callback, ...args: unknown[]) => setTimer(run, 0, args),
  clearTimeout: clear,
  clearInterval: clear,
  clearImmediate: clear,
};

/** Puts a world's clock, timers and randomness in the place of the real ones, for as long as `run` takes. */
export function inVirtualTime<T>(world: Kernel, run: () => T): T {
  kernel = world;
  Object.assign(globalThis, virtual, { Date: VirtualDate });
  Math.random = () => (world.current?.random ?? world.random).next();
  performance.now = () => world.monotonic();
  Object.assign(process, { cpuUsage: () => NO_CPU, memoryUsage: Object.assign(() => NO_MEMORY, { rss: () => 1 }) });
  try {
    return run();
  } finally {
    const { random, now, cpuUsage, memoryUsage, ...globals } = real;
    Object.assign(globalThis, globals);
    Object.assign(process, { cpuUsage, memoryUsage });
    Math.random = random;
    performance.now = now;
    kernel = null;
  }
}
