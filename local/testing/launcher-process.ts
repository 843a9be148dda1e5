import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import { endProcesses, findMarked, killGroup } from '../kubelet/process-identity.ts';
import { stateMarker } from '../kubelet/orphans.ts';

const PROGRAM = join(import.meta.dirname, '..', 'main.ts');
const START_TIMEOUT_MS = 30_000;

/** The whole embedded mode in processes of its own, to be killed. */
export interface LauncherProcess {
  /** Port of the client Service on 127.0.0.1. */
  readonly port: number;
  /** kill -9 of launcher, operator and nodes at once; returns how many processes that were. */
  killEverything(): Promise<number>;
  stop(): Promise<void>;
}

/** Starts `local/main.ts` on free ports in a state folder, applying manifests; resolves when it listens. */
export async function startLauncherProcess(home: string, manifests: readonly string[]): Promise<LauncherProcess> {
  const env = { ...process.env, ANNULUS_HOME: home, ANNULUS_REST_PORT: '0', ANNULUS_GRPC_PORT: '0' };
  const child = spawn(process.execPath, [PROGRAM, ...manifests], { env, stdio: ['ignore', 'pipe', 'pipe'] });
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const port = await servicePort(child);
  return {
    port,
    killEverything: async () => {
      const [marker] = Object.entries(stateMarker(home)).map(([name, value]) => `${name}=${value}`);
      const children = findMarked(marker ?? '');
      child.kill('SIGKILL');
      for (const { pid } of children) killGroup(pid);
      await Promise.all([exited, endProcesses(children, 0)]);
      return children.length + 1;
    },
    stop: async () => {
      child.kill('SIGTERM');
      await exited;
    },
  };
}

function servicePort(child: ChildProcess): Promise<number> {
  return new Promise((resolve, reject) => {
    let said = '';
    const timer = setTimeout(() => {
      child.kill('SIGKILL');
      reject(new Error(`the launcher did not start: ${said}`));
    }, START_TIMEOUT_MS);
    const hear = (chunk: Buffer): void => {
      said += chunk.toString();
      const port = /client Service\s+127\.0\.0\.1:(\d+)/.exec(said)?.[1];
      if (port === undefined) return;
      clearTimeout(timer);
      resolve(Number(port));
    };
    child.stdout?.on('data', hear);
    child.stderr?.on('data', hear);
    child.once('exit', (code) => {
      clearTimeout(timer);
      reject(new Error(`the launcher ended with ${code}: ${said}`));
    });
  });
}
