import { hash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { asObject } from '../kube-api/json.ts';
import { writeFileWhole } from './volume-lock.ts';

/** Hosts of a /24. */
const MAX_PODS = 254;

/** `127.a.b`: a /24 of loopback for one state folder, so that several launchers on a machine don't meet. */
export function loopbackSubnet(stateDir: string): string {
  const digest = Buffer.from(hash('sha256', stateDir, 'hex'), 'hex');
  return `127.${64 + Math.floor((digest[0] ?? 0) / 4)}.${digest[1] ?? 0}`;
}

/** One loopback IP a pod name, kept on disk: a pod that comes again has the address that its peers remember. */
export class PodIPs {
  private readonly subnet: string;
  private readonly file: string;
  private readonly hosts = new Map<string, number>();

  constructor(file: string, subnet: string) {
    this.file = file;
    this.subnet = subnet;
    for (const [key, host] of Object.entries(readHosts(file))) this.hosts.set(key, host);
  }

  /** The IP of `namespace/pod`. `inUse` tells which other names may not lose theirs when all are given out. */
  ipOf(key: string, inUse: (key: string) => boolean): string {
    const known = this.hosts.get(key);
    if (known !== undefined) return `${this.subnet}.${known}`;
    const free = this.freeHost() ?? this.evict(inUse);
    if (free === undefined) throw new Error(`no free pod IP: ${MAX_PODS} pods run already; delete some`);
    this.hosts.set(key, free);
    writeFileWhole(this.file, JSON.stringify(Object.fromEntries(this.hosts)));
    return `${this.subnet}.${free}`;
  }

  private freeHost(): number | undefined {
    const taken = new Set(this.hosts.values());
    for (let host = 1; host <= MAX_PODS; host += 1) if (!taken.has(host)) return host;
    return undefined;
  }

  private evict(inUse: (key: string) => boolean): number | undefined {
    for (const [key, host] of this.hosts) {
      if (inUse(key)) continue;
      this.hosts.delete(key);
      return host;
    }
    return undefined;
  }
}

function readHosts(file: string): Record<string, number> {
  try {
    const parsed = asObject(JSON.parse(readFileSync(file, 'utf8')));
    return Object.fromEntries(
      Object.entries(parsed).flatMap(([key, host]) => (typeof host === 'number' ? [[key, host]] : [])),
    );
  } catch {
    return {};
  }
}
