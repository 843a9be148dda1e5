/** In the place of prom-client: metrics are not what is simulated. */
class Metric {
  inc(): void {
    return;
  }
  dec(): void {
    return;
  }
  set(): void {
    return;
  }
  observe(): void {
    return;
  }
  remove(): void {
    return;
  }
  reset(): void {
    return;
  }
  labels(): this {
    return this;
  }
  startTimer(): () => void {
    return () => undefined;
  }
}

export class Counter extends Metric {}
export class Gauge extends Metric {}
export class Histogram extends Metric {}
export class Summary extends Metric {}
export class Registry {
  registerMetric(): void {
    return;
  }
  metrics(): Promise<string> {
    return Promise.resolve('');
  }
}
export const register = new Registry();
export function collectDefaultMetrics(): void {
  return;
}
