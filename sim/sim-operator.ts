import { LeaderLease } from '#operator/kube/lease.ts';
import { Operator } from '#operator/operator.ts';
import type { Kernel, Process } from './kernel.ts';
import { noKubeFaults, SimKubeApi, type KubeFaults } from './kube-client.ts';
import type { KubeServer } from './kube-server.ts';
import { openConnections } from './virtual/grpc.ts';
import { logger } from './virtual/pino.ts';

const NAMESPACE = 'default';

/** An operator's pod: takes part in the election and works while it leads; started again when it ends. */
export class SimOperator {
  readonly name: string;
  readonly ip: string;
  readonly faults: KubeFaults = noKubeFaults();
  process: Process | null = null;
  operator: Operator | null = null;
  lease: LeaderLease | null = null;
  starts = 0;
  #kernel: Kernel;
  #server: KubeServer;

  constructor(kernel: Kernel, server: KubeServer, name: string, ip: string) {
    this.#kernel = kernel;
    this.#server = server;
    this.name = name;
    this.ip = ip;
  }

  get up(): boolean {
    return this.process?.alive === true;
  }

  get leads(): boolean {
    return this.up && this.lease?.leading === true;
  }

  start(): void {
    if (this.up) return;
    const process = this.#kernel.spawn(this.name, this.ip);
    this.process = process;
    this.starts++;
    const identity = `${this.name}#${this.starts}`;
    // As operator/main.ts wires it: a process that can't prove its lease writes nothing and ends.
    const end = (): void => void (process.alive && this.process === process && this.crash(1_000));
    const leads = (): boolean => this.lease?.proven === true;
    const leaseApi = new SimKubeApi(this.#server, process, this.faults, end);
    const api = new SimKubeApi(this.#server, process, this.faults, end, leads);
    const log = logger as never;
    this.#kernel.after(1, process, () => {
      const lease = new LeaderLease({
        api: leaseApi,
        namespace: NAMESPACE,
        name: 'annulus-operator',
        identity,
        log,
        onLost: () => this.#kernel.after(0, null, end),
      });
      this.lease = lease;
      void lease.acquire().then(() => {
        this.operator = new Operator({
          api,
          namespace: NAMESPACE,
          identity,
          version: 'sim',
          config: {},
          podMonitors: false,
          log,
          mayAct: leads,
        });
        return this.operator.start();
      });
    });
  }

  /** Ends at once; the Deployment starts another one. */
  crash(downMs: number): void {
    const { process } = this;
    if (process === null || !process.alive) return;
    this.#kernel.kill(process);
    for (const connection of openConnections()) {
      if (connection.client.process === process) connection.lost(process, false);
    }
    this.process = null;
    this.operator = null;
    this.lease = null;
    this.#kernel.after(downMs, null, () => this.start());
  }

  pause(): void {
    const { process } = this;
    if (process === null || process.paused) return;
    this.#kernel.pause(process);
    for (const connection of openConnections()) {
      if (connection.client.process === process) connection.lost(process, true);
    }
  }

  resume(): void {
    if (this.process?.paused) this.#kernel.resume(this.process);
  }
}
