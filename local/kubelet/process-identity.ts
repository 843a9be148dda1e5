import { readFileSync, readdirSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

/** A process for sure: numbers are reused, number and start time together are not. */
export interface ProcessIdentity {
  readonly pid: number;
  /** Field 22 of /proc/<pid>/stat: clock ticks since boot; '' where there is no /proc. */
  readonly startTicks: string;
}

const POLL_MS = 20;

/** The process of that number as it is now; undefined when there is none, or only its remains (a zombie). */
export function identify(pid: number): ProcessIdentity | undefined {
  let stat: string;
  try {
    stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  } catch {
    return process.platform === 'linux' || !signalProcess(pid, 0) ? undefined : { pid, startTicks: '' };
  }
  // The second field, the program's name, may hold spaces and parentheses: the rest begins after the last one.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const [state] = fields;
  return state === 'Z' || state === 'X' ? undefined : { pid, startTicks: fields[19] ?? '' };
}

export function isAlive(identity: ProcessIdentity): boolean {
  return identify(identity.pid)?.startTicks === identity.startTicks;
}

/** Sends a signal (0: none, only a check). False when there is no such process. */
export function signalProcess(pid: number, signal: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(pid, signal);
  } catch {
    return false;
  }
}

/** Kills a process with its whole group (a detached child leads one). */
export function killGroup(pid: number): void {
  if (!signalProcess(-pid, 'SIGKILL')) signalProcess(pid, 'SIGKILL');
}

/** Processes of this user whose environment has `marker` (`NAME=value`), but for this one and its parent. */
export function findMarked(marker: string): ProcessIdentity[] {
  const found: ProcessIdentity[] = [];
  for (const entry of readProcesses()) {
    const pid = Number(entry);
    if (!Number.isInteger(pid) || pid === process.pid || pid === process.ppid) continue;
    const identity = hasMarker(pid, marker) ? identify(pid) : undefined;
    if (identity !== undefined) found.push(identity);
  }
  return found;
}

function readProcesses(): string[] {
  try {
    return readdirSync('/proc');
  } catch {
    return [];
  }
}

function hasMarker(pid: number, marker: string): boolean {
  try {
    return readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0').includes(marker);
  } catch {
    return false;
  }
}

/** Asks processes to end, kills those that have not after `graceMs`, and returns when all are gone. */
export async function endProcesses(processes: readonly ProcessIdentity[], graceMs: number): Promise<void> {
  for (const one of processes) if (isAlive(one)) signalProcess(one.pid, 'SIGTERM');
  const deadline = Date.now() + graceMs;
  let alive = processes.filter(isAlive);
  while (alive.length > 0) {
    if (Date.now() > deadline) for (const one of alive) killGroup(one.pid);
    await sleep(POLL_MS);
    alive = alive.filter(isAlive);
  }
}
