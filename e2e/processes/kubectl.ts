import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { accessSync, constants, existsSync } from 'node:fs';
import { delimiter, join, resolve } from 'node:path';

const COMMAND_TIMEOUT_MS = 90_000;
/** A real cluster's helper beside the checkout, which knows where it keeps a kubectl; a user may have none. */
const PROVIDER = resolve(import.meta.dirname, '..', '..', '..', 'shared', 'kube', 'provider');

/** Path of a kubectl: KUBECTL, one on PATH, or the one beside the checkout when it is built already; undefined: none. */
export function findKubectl(): string | undefined {
  const given = process.env['KUBECTL'];
  if (given !== undefined && given !== '') return given;
  const folders = (process.env['PATH'] ?? '').split(delimiter).filter((folder) => folder !== '');
  return [...folders, ...providerFolder()].map((folder) => join(folder, 'kubectl')).find(isProgram);
}

function providerFolder(): string[] {
  if (!existsSync(PROVIDER)) return [];
  try {
    return [execFileSync(PROVIDER, ['bin'], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim()];
  } catch {
    return [];
  }
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

export interface Output {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly input?: string;
  readonly env?: Readonly<Record<string, string>>;
}

/** One kubectl with one kubeconfig; its caches live under `home`. */
export class Kubectl {
  private readonly program: string;
  private readonly env: Record<string, string>;

  constructor(program: string, kubeconfig: string, home: string) {
    this.program = program;
    this.env = { PATH: process.env['PATH'] ?? '/usr/bin:/bin', HOME: home, KUBECONFIG: kubeconfig };
  }

  /** Runs to the end, whatever the exit code. */
  async run(args: readonly string[], options: RunOptions = {}): Promise<Output> {
    const child = this.spawn(args, options.env);
    const timer = setTimeout(() => child.kill('SIGKILL'), COMMAND_TIMEOUT_MS);
    const output = { stdout: '', stderr: '' };
    child.stdout?.setEncoding('utf8').on('data', (text: string) => (output.stdout += text));
    child.stderr?.setEncoding('utf8').on('data', (text: string) => (output.stderr += text));
    child.stdin?.end(options.input ?? '');
    const code = await new Promise<number>((done, failed) => {
      child.once('error', failed);
      child.once('close', (status) => done(status ?? -1));
    });
    clearTimeout(timer);
    return { code, ...output };
  }

  /** Runs to a good end and gives what was printed; throws with what it complained of. */
  async ok(args: readonly string[], options: RunOptions = {}): Promise<string> {
    const { code, stdout, stderr } = await this.run(args, options);
    if (code !== 0) throw new Error(`kubectl ${args.join(' ')}: exit ${code}: ${stderr.trim()}`);
    return stdout;
  }

  spawn(args: readonly string[], env: Readonly<Record<string, string>> = {}): ChildProcess {
    return spawn(this.program, [...args], { env: { ...this.env, ...env }, stdio: 'pipe' });
  }
}

/** A printed table as objects by column; columns begin where their headings do. */
export function table(text: string): Record<string, string>[] {
  const [heading = '', ...lines] = text.trimEnd().split('\n');
  const columns = [...heading.matchAll(/\S+(?: \S+)*/g)].map(({ 0: name, index }) => ({ name, from: index }));
  return lines.map((line) =>
    Object.fromEntries(columns.map(({ name, from }, i) => [name, line.slice(from, columns[i + 1]?.from).trim()])),
  );
}
