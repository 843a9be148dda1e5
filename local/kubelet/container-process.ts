import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { constants } from 'node:os';
import type { ContainerLog } from './container-log.ts';
import { killGroup, signalProcess } from './process-identity.ts';
import { clearHolder, recordHolder } from './volume-lock.ts';

/** After the process has ended its pipes may hold some last lines; waited for this long, milliseconds. */
const DRAIN_MS = 200;
/** What `kubectl logs` shows last becomes the termination message. */
const MESSAGE_LINES = 30;
const MESSAGE_CHARACTERS = 2048;

export interface ProcessSpec {
  readonly command: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
  readonly log: ContainerLog;
  /** Number of the run: the container's restart count. */
  readonly run: number;
  /** Files that name the process for as long as it runs: its record and the locks of its claims. */
  readonly records: readonly string[];
}

export interface ProcessEnd {
  /** 128 + signal for a process that a signal ended, as container runtimes report it. */
  readonly exitCode: number;
  readonly signal: number | undefined;
  readonly message: string;
}

export interface ContainerProcess {
  readonly pid: number;
  readonly ended: Promise<ProcessEnd>;
  terminate(): void;
  kill(): void;
}

/**
 * Starts a container's process in a session of its own (a Ctrl-C in the terminal is for the launcher alone, which then
 * stops pods in order). Rejects when the program cannot be started.
 */
export function startProcess(spec: ProcessSpec): Promise<ContainerProcess> {
  const [program = '', ...args] = spec.command;
  const child = spawn(program, args, {
    cwd: spec.cwd,
    env: spec.env,
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const { pid } = child;
  if (pid !== undefined) for (const path of spec.records) recordHolder(path, pid);
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('spawn', () => {
      spec.log.open(spec.run);
      child.stdout.on('data', (chunk: Buffer) => spec.log.write('stdout', chunk));
      child.stderr.on('data', (chunk: Buffer) => spec.log.write('stderr', chunk));
      resolve({
        pid: child.pid ?? 0,
        ended: endOf(child, spec),
        terminate: () => void child.kill('SIGTERM'),
        kill: () => killGroup(child.pid ?? 0),
      });
    });
  });
}

async function endOf(child: ChildProcess, spec: ProcessSpec): Promise<ProcessEnd> {
  const closed = new Promise<void>((resolve) => child.once('close', () => resolve()));
  const [code, signalName] = await new Promise<[number | null, NodeJS.Signals | null]>((resolve) =>
    child.once('exit', (exitCode, signal) => resolve([exitCode, signal])),
  );
  // As in a container, nothing outlives its first process.
  signalProcess(-(child.pid ?? 0), 'SIGKILL');
  let timer: NodeJS.Timeout | undefined;
  await Promise.race([closed, new Promise((resolve) => (timer = setTimeout(resolve, DRAIN_MS)))]);
  clearTimeout(timer);
  spec.log.close();
  for (const path of spec.records) clearHolder(path);
  const signal = signalName === null ? undefined : constants.signals[signalName];
  const exitCode = code ?? 128 + (signal ?? 0);
  const message = exitCode === 0 ? '' : spec.log.lastLines(MESSAGE_LINES, MESSAGE_CHARACTERS);
  return { exitCode, signal, message };
}
