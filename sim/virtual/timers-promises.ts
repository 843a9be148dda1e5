/** In the place of node:timers/promises. Goes through the global timers, which are virtual while a simulation runs. */
export function setTimeout<T>(milliseconds: number, value?: T, options: { signal?: AbortSignal } = {}): Promise<T> {
  return new Promise((resolve, reject) => {
    const { signal } = options;
    const fail = (): void => {
      globalThis.clearTimeout(timer);
      reject(signal?.reason instanceof Error ? signal.reason : new Error('aborted'));
    };
    const timer = globalThis.setTimeout(() => {
      signal?.removeEventListener('abort', fail);
      resolve(value as T);
    }, milliseconds);
    if (signal?.aborted) fail();
    else signal?.addEventListener('abort', fail, { once: true });
  });
}

export function setImmediate<T>(value?: T): Promise<T> {
  return new Promise((resolve) => globalThis.setImmediate(() => resolve(value as T)));
}
