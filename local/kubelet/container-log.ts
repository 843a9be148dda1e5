import {
  closeSync,
  fstatSync,
  mkdirSync,
  openSync,
  readSync,
  readdirSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { StringDecoder } from 'node:string_decoder';
import type { PodLogOptions } from '../kube-api/api-types.ts';
import { selectLines } from './log-lines.plan.ts';

/** A run's log is rotated at this size; one rotated file is kept, so a run takes at most twice this. */
export const LOG_ROTATE_BYTES = 10 * 1024 * 1024;
/** A longer line is cut into pieces of this length, characters. */
const MAX_LINE_CHARACTERS = 16_384;
/** Follower's read size, bytes. */
const READ_BYTES = 65_536;

/**
 * The logs of one container: a file a run (`<run>.log`, `<run>.log.1`), this run and the previous one. Each line is
 * `<time> <stream> <text>`. Written by this process only, so followers are woken by it.
 */
export class ContainerLog {
  private readonly folder: string;
  private readonly rotateBytes: number;
  private fd: number | undefined;
  private run = 0;
  private bytes = 0;
  private rotations = 0;
  private readonly followers = new Set<() => void>();
  private readonly partial = { stdout: '', stderr: '' };
  private decoders = { stdout: new StringDecoder('utf8'), stderr: new StringDecoder('utf8') };

  constructor(folder: string, rotateBytes: number = LOG_ROTATE_BYTES) {
    this.folder = folder;
    this.rotateBytes = rotateBytes;
    this.run = this.runs().at(-1) ?? 0;
  }

  /** Starts the log of a run; only it and the run before are kept. */
  open(run: number): void {
    this.close();
    mkdirSync(this.folder, { recursive: true, mode: 0o700 });
    const previous = this.runs().filter((each) => each !== run);
    for (const old of previous.slice(0, -1)) this.removeRun(old);
    this.run = run;
    this.rotations = 0;
    this.decoders = { stdout: new StringDecoder('utf8'), stderr: new StringDecoder('utf8') };
    this.fd = openSync(this.path(), 'a', 0o600);
    this.bytes = fstatSync(this.fd).size;
  }

  /** Appends output; a line is written when it is complete. */
  write(stream: 'stdout' | 'stderr', chunk: Buffer): void {
    const lines = (this.partial[stream] + this.decoders[stream].write(chunk)).split('\n');
    let rest = lines.pop() ?? '';
    while (rest.length > MAX_LINE_CHARACTERS) {
      lines.push(rest.slice(0, MAX_LINE_CHARACTERS));
      rest = rest.slice(MAX_LINE_CHARACTERS);
    }
    this.partial[stream] = rest;
    this.append(stream, lines);
  }

  /** Ends the run's log; followers end after the last line. */
  close(): void {
    for (const stream of ['stdout', 'stderr'] as const) {
      if (this.partial[stream] !== '') this.append(stream, [this.partial[stream]]);
      this.partial[stream] = '';
    }
    if (this.fd !== undefined) closeSync(this.fd);
    this.fd = undefined;
    this.wake();
  }

  /** The last lines of the current run without times, for a termination message. */
  lastLines(count: number, maxCharacters: number): string {
    const { lines } = readWhole([`${this.path()}.1`, this.path()]);
    const text = lines.slice(-count).map((line) => line.split(' ').slice(2).join(' '));
    return text.join('\n').slice(-maxCharacters);
  }

  /** Lines as `kubectl logs` wants them; null when that run has no log. */
  read(options: PodLogOptions, now: number): AsyncIterable<Buffer> | null {
    const run = options.previous ? this.runs().findLast((each) => each < this.run) : this.run;
    if (run === undefined || !this.runs().includes(run)) return null;
    return new Follower(
      (aborted) => this.lines(run, options, now, aborted),
      () => this.wake(),
    );
  }

  remove(): void {
    this.close();
    rmSync(this.folder, { recursive: true, force: true });
  }

  private async *lines(
    run: number,
    options: PodLogOptions,
    now: number,
    aborted: () => boolean,
  ): AsyncGenerator<Buffer, undefined> {
    let seen = this.rotations;
    const first = readWhole([`${this.path(run)}.1`, this.path(run)]);
    const output = selectLines(first.lines, options, now);
    if (output !== '') yield Buffer.from(output);
    let offset = first.lastBytes;
    while (options.follow && run === this.run && !aborted()) {
      const open = this.fd !== undefined;
      const rotated = seen !== this.rotations;
      const part = readFrom(rotated ? `${this.path(run)}.1` : this.path(run), offset);
      offset += part.bytes;
      const text = selectLines(part.lines, { ...options, tailLines: undefined }, now);
      if (text !== '') yield Buffer.from(text);
      if (part.bytes > 0) continue;
      if (rotated) {
        seen = this.rotations;
        offset = 0;
      } else if (!open) return;
      else if (!aborted()) await this.nextWrite();
    }
  }

  private append(stream: string, lines: readonly string[]): void {
    if (this.fd === undefined || lines.length === 0) return;
    const time = new Date().toISOString();
    const text = Buffer.from(lines.map((line) => `${time} ${stream} ${line}\n`).join(''));
    writeSync(this.fd, text);
    this.bytes += text.length;
    if (this.bytes >= this.rotateBytes) this.rotate();
    this.wake();
  }

  private rotate(): void {
    if (this.fd !== undefined) closeSync(this.fd);
    renameSync(this.path(), `${this.path()}.1`);
    this.fd = openSync(this.path(), 'a', 0o600);
    this.bytes = 0;
    this.rotations += 1;
  }

  private nextWrite(): Promise<void> {
    return new Promise((resolve) => this.followers.add(resolve));
  }

  private wake(): void {
    for (const resolve of this.followers) resolve();
    this.followers.clear();
  }

  private path(run: number = this.run): string {
    return join(this.folder, `${run}.log`);
  }

  private runs(): number[] {
    try {
      const names = readdirSync(this.folder).filter((name) => /^\d+\.log$/.test(name));
      return names.map((name) => Number(name.slice(0, -4))).sort((a, b) => a - b);
    } catch {
      return [];
    }
  }

  private removeRun(run: number): void {
    rmSync(this.path(run), { force: true });
    rmSync(`${this.path(run)}.1`, { force: true });
  }
}

/** An iterable that can be left while it waits for the next line (a generator alone could not). */
class Follower implements AsyncIterable<Buffer> {
  private readonly make: (aborted: () => boolean) => AsyncGenerator<Buffer, undefined>;
  private readonly wake: () => void;

  constructor(make: (aborted: () => boolean) => AsyncGenerator<Buffer, undefined>, wake: () => void) {
    this.make = make;
    this.wake = wake;
  }

  [Symbol.asyncIterator](): AsyncIterator<Buffer> {
    let aborted = false;
    const inner = this.make(() => aborted);
    return {
      next: () => inner.next(),
      return: () => {
        aborted = true;
        this.wake();
        return inner.return(undefined);
      },
    };
  }
}

/** Complete lines of a file from an offset, and how many bytes these took. */
function readFrom(path: string, offset: number): { lines: string[]; bytes: number } {
  let fd: number;
  try {
    fd = openSync(path, 'r');
  } catch {
    return { lines: [], bytes: 0 };
  }
  try {
    const buffer = Buffer.alloc(READ_BYTES);
    const read = readSync(fd, buffer, 0, READ_BYTES, offset);
    const end = buffer.subarray(0, read).lastIndexOf(0x0a) + 1;
    const lines = buffer.subarray(0, end).toString('utf8').split('\n');
    lines.pop();
    return { lines, bytes: end };
  } finally {
    closeSync(fd);
  }
}

function readWhole(paths: readonly string[]): { lines: string[]; lastBytes: number } {
  const lines: string[] = [];
  let lastBytes = 0;
  for (const path of paths) {
    lastBytes = 0;
    for (;;) {
      const part = readFrom(path, lastBytes);
      if (part.bytes === 0) break;
      lastBytes += part.bytes;
      for (const line of part.lines) lines.push(line);
    }
  }
  return { lines, lastBytes };
}
