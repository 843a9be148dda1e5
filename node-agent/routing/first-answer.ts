/** Asks one candidate after the other until one answers: the next when one fails, or (`hedgeMs`) when it is slow. */
export function firstAnswer<C, T>(
  candidates: readonly C[],
  ask: (candidate: C) => Promise<T>,
  options: { hedgeMs: number; mayTryNext: (error: unknown, candidate: C) => boolean },
): Promise<T> {
  return new Promise((resolve, reject) => {
    let next = 0;
    let running = 0;
    let done = false;
    let hedge: NodeJS.Timeout | undefined;
    let lastError: unknown = new Error('no candidate');
    const finish = (): void => {
      done = true;
      clearTimeout(hedge);
    };
    const start = (): void => {
      const candidate = candidates[next++]!;
      running++;
      clearTimeout(hedge);
      if (next < candidates.length && Number.isFinite(options.hedgeMs)) hedge = setTimeout(start, options.hedgeMs);
      ask(candidate).then(
        (answer) => {
          if (done) return;
          finish();
          resolve(answer);
        },
        (error: unknown) => {
          running--;
          if (done) return;
          lastError = error;
          if (!options.mayTryNext(error, candidate)) {
            finish();
            reject(asError(error));
          } else if (next < candidates.length) start();
          else if (running === 0) {
            finish();
            reject(asError(lastError));
          }
        },
      );
    };
    if (candidates.length === 0) reject(asError(lastError));
    else start();
  });
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}
