import { mkdirSync, openSync, closeSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { identify } from './kubelet/process-identity.ts';
import { holderOf } from './kubelet/volume-lock.ts';

/** Another launcher works in the folder; the message is for a person. */
export class HomeInUse extends Error {
  constructor(home: string, pid: number) {
    super(
      `another launcher (process ${pid}) uses the folder ${home}: end it (Ctrl-C there, or kill ${pid}), ` +
        'or set ANNULUS_HOME to another folder',
    );
    this.name = 'HomeInUse';
  }
}

/** Takes the folder for this process until `release`; throws HomeInUse. A dead launcher's lock is taken over. */
export function lockHome(home: string): { release(): void } {
  mkdirSync(home, { recursive: true, mode: 0o700 });
  const path = join(home, 'launcher.lock');
  const holder = holderOf(path);
  if (holder !== undefined) throw new HomeInUse(home, holder.pid);
  rmSync(path, { force: true });
  let fd: number;
  try {
    fd = openSync(path, 'wx', 0o600);
  } catch {
    // Two launchers started at the same moment; the other was quicker.
    throw new HomeInUse(home, holderOf(path)?.pid ?? 0);
  }
  writeSync(fd, JSON.stringify(identify(process.pid)));
  closeSync(fd);
  return { release: () => rmSync(path, { force: true }) };
}
