import { activeKernel } from './globals.ts';

type Fields = Record<string, unknown> | string;

/** Told every line of a log; null: nobody listens, and lines cost nothing. */
let listener: ((level: string, process: string, fields: Fields, message: string) => void) | null = null;

export function onLogLine(listen: typeof listener): void {
  listener = listen;
}

function line(level: string): (fields: Fields, message?: string) => void {
  return (fields, message = '') => {
    if (listener !== null) listener(level, activeKernel().current?.name ?? 'world', fields, message);
  };
}

/** In the place of pino: a log that only TRACE reads. */
export interface SimLogger {
  level: string;
  child(): SimLogger;
  trace: ReturnType<typeof line>;
  debug: ReturnType<typeof line>;
  info: ReturnType<typeof line>;
  warn: ReturnType<typeof line>;
  error: ReturnType<typeof line>;
  fatal: ReturnType<typeof line>;
}

export const logger: SimLogger = {
  level: 'info',
  child: () => logger,
  trace: () => undefined,
  debug: line('debug'),
  info: line('info'),
  warn: line('warn'),
  error: line('error'),
  fatal: line('fatal'),
};

export const pino = (): SimLogger => logger;
export default pino;
