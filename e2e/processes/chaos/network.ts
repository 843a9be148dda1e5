import { execFile, execFileSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { LocalNetwork } from '#local/launcher.ts';
import { signalProcess } from '#local/kubelet/process-identity.ts';

const NAMESPACES = '/run/netns';
/** Range for benchmarks of networks (RFC 2544): 512 of /24, that nobody routes to. */
const RANGE = { first: 198, seconds: [18, 19] } as const;
const ROUTER_HOST = 253;
const LAUNCHER_HOST = 254;
const OPERATOR_HOST = 250;
const FIRST_RULE = 1000;
/** `ip` tries to add a rule, or removes a device, in milliseconds. */
const COMMAND_TIMEOUT_MS = 10_000;
const DEVICE_RETRIES = 20;

/** Side of a partition: IPs. */
export type Side = readonly string[];

/**
 * A network of namespaces: each pod has one with an `eth0`, and all of them, with this machine, hang on a namespace that routes. What is cut
 * there vanishes, as in a real network: nobody is refused, and connections stay open. This machine reaches everyone at any time.
 * Needs root and `ip` (iproute2); `remove` leaves nothing.
 */
export class TestNetwork implements LocalNetwork {
  readonly subnet: string;
  readonly hostIP: string;
  readonly operatorIP: string;
  /** Also tells a process that did not make it which one to join. */
  readonly id: string;
  private rules: string[] = [];
  private nextRule = FIRST_RULE;

  /** The network of that id, made by another process or this one. */
  constructor(id: string) {
    const [, number = ''] = /^ann-\d+-(\d+)$/.exec(id) ?? [];
    if (number === '') throw new Error(`"${id}" is no id of a test network`);
    this.id = id;
    this.subnet = subnetOf(Number(number));
    this.hostIP = `${this.subnet}.${LAUNCHER_HOST}`;
    this.operatorIP = `${this.subnet}.${OPERATOR_HOST}`;
  }

  /** Why there can be none here; undefined when there can. */
  static async whyNot(): Promise<string | undefined> {
    if (process.platform !== 'linux') return 'network namespaces are of Linux';
    if (process.getuid?.() !== 0) return 'network namespaces need root';
    const probe = `ann-${process.pid}-probe`;
    try {
      await ip(['netns', 'add', probe]);
      await ip(['netns', 'del', probe]);
      return undefined;
    } catch (error) {
      return `ip netns add: ${error instanceof Error ? error.message : String(error)}`;
    }
  }

  /** Makes one. It is removed when this process exits, too; what killed processes left is removed now. */
  static async create(): Promise<TestNetwork> {
    sweep();
    const network = new TestNetwork(`ann-${process.pid}-${await freeNumber()}`);
    process.once('exit', () => network.remove());
    try {
      await network.makeRouter();
    } catch (error) {
      network.remove();
      throw error;
    }
    return network;
  }

  async enter(address: string): Promise<readonly string[]> {
    const host = Number(address.slice(this.subnet.length + 1));
    const namespace = `${this.id}-${host}`;
    if (!existsSync(`${NAMESPACES}/${namespace}`)) await this.join(host, namespace);
    return [ipPath(), 'netns', 'exec', namespace];
  }

  /** From now on nothing gets from `a` to `b`, nor back. Cuts add up. */
  async cut(a: Side, b: Side): Promise<void> {
    await this.cutOneWay(a, b);
    await this.cutOneWay(b, a);
  }

  /** From now on nothing gets from `from` to `to`; the way back stays open. */
  async cutOneWay(from: Side, to: Side): Promise<void> {
    const rules = from.flatMap((source) =>
      to.map((target) => `pref ${this.nextRule++} from ${source} to ${target} blackhole`),
    );
    await ip(
      ['-n', this.router, '-batch', '-'],
      rules.map((rule) => `rule add ${rule}`),
    );
    this.rules.push(...rules);
  }

  /** Undoes every cut. */
  async heal(): Promise<void> {
    const rules = this.rules;
    this.rules = [];
    if (rules.length === 0) return;
    await ip(
      ['-n', this.router, '-batch', '-'],
      rules.map((rule) => `rule del ${rule}`),
    );
  }

  /** Removes all of it, whatever still runs there. Does not throw. */
  remove(): void {
    for (const name of namespacesOf(this.id)) deleteNamespace(name);
  }

  private get router(): string {
    return `${this.id}-r`;
  }

  private async makeRouter(): Promise<void> {
    const device = `ann${process.pid}`;
    const router = `${this.subnet}.${ROUTER_HOST}`;
    await ip(['netns', 'add', this.router]);
    await ip(['netns', 'exec', this.router, 'sh', '-c', 'echo 1 > /proc/sys/net/ipv4/ip_forward']);
    await ip(['link', 'add', device, 'type', 'veth', 'peer', 'name', 'host', 'netns', this.router]);
    await ip(['-n', this.router, '-batch', '-'], ['link set lo up', ...link('host', router, this.hostIP)]);
    await ip(['-batch', '-'], link(device, this.hostIP, router));
    await ip(['route', 'add', `${this.subnet}.0/24`, 'via', router, 'src', this.hostIP]);
  }

  private async join(host: number, namespace: string): Promise<void> {
    const address = `${this.subnet}.${host}`;
    const router = `${this.subnet}.${ROUTER_HOST}`;
    const device = `v${host}`;
    await ip(['netns', 'add', namespace]);
    try {
      await ip(['-n', this.router, 'link', 'add', device, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', namespace]);
      await ip(['-n', this.router, '-batch', '-'], link(device, router, address));
      const inside = ['link set lo up', ...link('eth0', address, router), `route add default via ${router}`];
      await ip(['-n', namespace, '-batch', '-'], inside);
    } catch (error) {
      deleteNamespace(namespace);
      throw error;
    }
  }
}

/** One end of a cable: its address, and the one address at the other end. */
function link(device: string, address: string, other: string): string[] {
  return [
    `addr add ${address}/32 dev ${device}`,
    `link set ${device} up`,
    `route add ${other}/32 dev ${device} src ${address}`,
  ];
}

function subnetOf(number: number): string {
  return `${RANGE.first}.${RANGE.seconds[number >> 8] ?? RANGE.seconds[0]}.${number & 255}`;
}

/** A /24 that this machine has no route into. */
async function freeNumber(): Promise<number> {
  const routes = await ip(['-o', 'route', 'show']);
  for (let i = 0; i < 512; i++) {
    const number = (process.pid + i) % 512;
    if (!routes.includes(`${subnetOf(number)}.`)) return number;
  }
  throw new Error('no free network: 512 tests run at once?');
}

function namespacesOf(prefix: string): string[] {
  return existsSync(NAMESPACES) ? readdirSync(NAMESPACES).filter((name) => name.startsWith(`${prefix}-`)) : [];
}

/** Removes the networks of processes that are gone. */
function sweep(): void {
  for (const name of namespacesOf('ann')) {
    const [, pid = ''] = /^ann-(\d+)-/.exec(name) ?? [];
    if (pid !== '' && !signalProcess(Number(pid), 0)) deleteNamespace(name);
  }
}

function deleteNamespace(name: string): void {
  try {
    execFileSync(ipPath(), ['netns', 'del', name], { stdio: 'ignore', timeout: COMMAND_TIMEOUT_MS });
  } catch {
    // Gone already.
  }
}

function ipPath(): string {
  return ['/usr/sbin/ip', '/sbin/ip', '/usr/bin/ip', '/bin/ip'].find((path) => existsSync(path)) ?? 'ip';
}

/** Runs `ip`; gives what it says. A device of the same name that the kernel still takes down is waited for. */
async function ip(args: readonly string[], lines: readonly string[] = []): Promise<string> {
  for (let attempt = 0; ; attempt++) {
    try {
      return await run(args, lines);
    } catch (error) {
      const busy = error instanceof Error && error.message.includes('File exists') && args.includes('link');
      if (!busy || attempt === DEVICE_RETRIES) throw error;
      await sleep(50);
    }
  }
}

function run(args: readonly string[], lines: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = execFile(ipPath(), [...args], { timeout: COMMAND_TIMEOUT_MS }, (error, stdout, stderr) => {
      if (error) reject(new Error(`ip ${args.join(' ')}: ${stderr.trim() || error.message}`));
      else resolve(stdout);
    });
    // It may end without reading what it does not need.
    child.stdin?.on('error', () => undefined);
    child.stdin?.end(lines.map((line) => `${line}\n`).join(''));
  });
}
