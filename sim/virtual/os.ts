/** In the place of node:os: the same, but the simulated machines have one processor, and nobody asks the kernel for it. */
export * from 'node:os';

export function availableParallelism(): number {
  return 1;
}
