import { createPrivateKey } from 'node:crypto';
import type { NodeConfig } from '#node-agent/config.ts';
import { startNode, type AnnulusNode } from '#node-agent/node.ts';
import type { LogOperation } from '#node-agent/shard/operations.ts';
import { textAt } from '#operator/kube/json.ts';
import type { Kernel, Process } from './kernel.ts';
import type { KubeServer } from './kube-server.ts';
import type { Kubelet } from './kubelet.ts';
import { SimDisk } from './disk.ts';
import { SimShardHost } from './shard-host.ts';
import { mount } from './virtual/fs-promises.ts';
import { openConnections } from './virtual/grpc.ts';
import { logger } from './virtual/pino.ts';

export interface NodeWorld {
  kernel: Kernel;
  server: KubeServer;
  cluster: string;
  kubelet(): Kubelet;
  onAppended(node: string, shard: string, uid: string, term: number, seqNo: number, operation: LogOperation): void;
}

const RESTART_MS = 600;
const READY_POLL_MS = 200;
/** Kubernetes calls the pods of a lost machine not ready after this long. */
const MACHINE_LOST_MS = 40_000;

/** A pod: its volume, and the node-agent that runs on it, again and again. */
export class SimNode {
  readonly name: string;
  readonly ip: string;
  readonly disk = new SimDisk();
  process: Process | null = null;
  host: SimShardHost | null = null;
  agent: AnnulusNode | null = null;
  /** The pod is there; its process may be dead. */
  wanted = false;
  /** The machine is off: nothing restarts the container. */
  machineOff = false;
  starts = 0;
  readonly #world: NodeWorld;

  constructor(world: NodeWorld, name: string, ip: string) {
    this.#world = world;
    this.name = name;
    this.ip = ip;
  }

  get up(): boolean {
    return this.process?.alive === true;
  }

  get paused(): boolean {
    return this.process?.paused === true;
  }

  /** The pod exists from now on. */
  add(): void {
    this.wanted = true;
    this.start(50);
  }

  start(afterMs: number): void {
    const { kernel } = this.#world;
    this.#world.kubelet().report(this.name, 'Starting', this.ip);
    kernel.after(afterMs, null, () => {
      if (!this.wanted || this.up || this.machineOff) return;
      this.#run();
    });
  }

  /** kill -9, or the machine loses its power. */
  crash(machine: boolean, downMs: number): void {
    const { process } = this;
    if (process === null) return;
    const { kernel } = this.#world;
    this.#end(process, machine);
    if (!machine) {
      kernel.after(100, null, () => this.#world.kubelet().report(this.name, 'Terminated', this.ip));
      this.start(Math.max(RESTART_MS, downMs));
      return;
    }
    this.machineOff = true;
    kernel.after(MACHINE_LOST_MS, null, () => {
      if (this.machineOff) this.#world.kubelet().report(this.name, 'Running', this.ip);
    });
    kernel.after(downMs, null, () => this.powerOn());
  }

  powerOn(): void {
    if (!this.machineOff) return;
    this.machineOff = false;
    if (this.wanted) this.start(RESTART_MS);
  }

  pause(): void {
    const { process } = this;
    if (process === null || process.paused) return;
    this.#world.kernel.pause(process);
    for (const connection of openConnections()) if (this.#has(connection)) connection.lost(process, true);
  }

  resume(): void {
    if (this.process?.paused) this.#world.kernel.resume(this.process);
  }

  /** The pod goes: SIGTERM, then it is gone with its process; the volume stays. */
  remove(gone: () => void): void {
    this.wanted = false;
    const { process, agent } = this;
    const { kernel } = this.#world;
    if (process === null || agent === null) return void kernel.after(50, null, gone);
    const finish = (): void => {
      if (process.alive) this.#end(process, false);
      gone();
    };
    kernel.after(0, process, () => {
      agent.drain();
      void agent.stop();
    });
    kernel.after(400, null, finish);
  }

  #end(process: Process, machine: boolean): void {
    const { kernel } = this.#world;
    kernel.kill(process);
    this.disk.crash(machine, kernel.random);
    for (const connection of openConnections()) if (this.#has(connection)) connection.lost(process, machine);
    this.process = null;
    this.agent = null;
    this.host = null;
  }

  #has(connection: { client: { process: Process }; server: { process: Process } | null }): boolean {
    return connection.client.process === this.process || connection.server?.process === this.process;
  }

  #run(): void {
    const { kernel, cluster, server } = this.#world;
    this.starts++;
    const process = kernel.spawn(this.name, this.ip);
    this.process = process;
    mount(this.name, this.disk);
    const host = new SimShardHost(kernel, process, this.disk, (...args) => this.#world.onAppended(this.name, ...args));
    this.host = host;
    const config = nodeConfig(server, cluster, this.name, this.ip);
    this.#world.kubelet().report(this.name, 'Running', this.ip);
    kernel.after(0, process, () => {
      void startNode(config, host.asShardHost(), logger as never).then(
        (agent) => {
          this.agent = agent;
          this.#watchReady(process, agent);
        },
        (error: unknown) => {
          logger.fatal({ error: String(error) }, 'the node cannot start');
          if (this.process === process) kernel.after(0, null, () => this.up && this.crash(false, 2_000));
        },
      );
    });
  }

  #watchReady(process: Process, agent: AnnulusNode): void {
    let before = false;
    setInterval(() => {
      const { ok } = agent.ready();
      if (ok === before) return;
      before = ok;
      const { kernel } = this.#world;
      kernel.after(0, null, () => {
        if (process.alive) this.#world.kubelet().report(this.name, ok ? 'Ready' : 'Running', this.ip);
      });
    }, READY_POLL_MS);
  }
}

function nodeConfig(server: KubeServer, cluster: string, node: string, ip: string): NodeConfig {
  const secret = server.get('Secret', 'default', `${cluster}-keys`);
  const decode = (member: string): string => Buffer.from(textAt(secret, 'data', member), 'base64').toString('utf8');
  const pem = decode('ed25519.key');
  return {
    cluster,
    clusterUID: server.get('VectorCluster', 'default', cluster)?.metadata.uid ?? '',
    namespace: 'default',
    node,
    bind: ip,
    dataDir: `/sim/${node}`,
    token: decode('token'),
    gossipKey: pem === '' ? null : createPrivateKey(pem),
    workers: 1,
    logLevel: 'info',
    recoveryMibPerSecond: 100,
  } as NodeConfig;
}
