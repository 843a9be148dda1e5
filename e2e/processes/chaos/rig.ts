import { type ChildProcess, fork } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { asObject, asString, type Json } from '#local/kube-api/json.ts';
import { isAlive, type ProcessIdentity, signalProcess } from '#local/kubelet/process-identity.ts';
import { PORTS } from '#model/ports.ts';
import { createKubeApi, type KubeApi } from '#operator/kube/api.ts';
import { loadConnection } from '#operator/kube/credentials.ts';
import type { KubeObject } from '#operator/kube/object.ts';
import { RESOURCES } from '#operator/kube/resources.ts';
import { createTransport } from '#operator/kube/transport.ts';
import { eventually } from '../embedded.ts';
import type { LaunchRequest } from './launch.ts';
import type { TestNetwork } from './network.ts';
import { ShardWatch } from './shard-watch.ts';
import { watchAll } from './watch.ts';

export const NAMESPACE = 'default';
export const CLUSTER = 'chaos';
const START_TIMEOUT_MS = 60_000;
const READY_TIMEOUT_MS = 90_000;
const GRACE_MS = 45_000;

export interface RigOptions {
  readonly nodes: number;
  /** More of VectorCluster.spec. */
  readonly spec?: Record<string, Json>;
  /** Pods and operator are in it; absent: on loopback, where nothing can be cut. */
  readonly network?: TestNetwork | undefined;
}

/** One cluster of the embedded mode, with its operator, as processes; and hands to do harm to them. */
export class Rig {
  readonly home: string = mkdtempSync(join(tmpdir(), 'annulus-chaos-'));
  readonly network: TestNetwork | undefined;
  readonly shards: ShardWatch = new ShardWatch();
  private readonly options: RigOptions;
  /** Nodes that a Service would send clients to now. */
  readonly ready: Set<string> = new Set();
  private readonly ips = new Map<string, string>();
  private readonly shutdown = new AbortController();
  private launcher: ChildProcess | undefined;
  private client: { api: KubeApi; close: () => void } | undefined;
  private stopped: ProcessIdentity[] = [];

  private constructor(options: RigOptions) {
    this.options = options;
    this.network = options.network;
  }

  /** Resolves when every node is ready. */
  static async start(options: RigOptions): Promise<Rig> {
    const rig = new Rig(options);
    try {
      await rig.launch();
      await rig.shards.start(() => rig.api, NAMESPACE, rig.shutdown.signal);
      await watchAll(() => rig.api, RESOURCES.Pod, NAMESPACE, rig.shutdown.signal, {
        listed: (pods) => pods.forEach((pod) => rig.learn(pod)),
        changed: (pod) => rig.learn(pod),
        deleted: ({ metadata }) => rig.ready.delete(metadata.name),
      });
      await rig.nodesReady(options.nodes);
      return rig;
    } catch (error) {
      rig.keepLogs(join('.annulus', 'chaos', 'failed-start'));
      await rig.close();
      throw error;
    }
  }

  get api(): KubeApi {
    return this.client!.api;
  }

  /** Nodes that were ever seen, by name. */
  get nodes(): string[] {
    return [...this.ips.keys()].sort();
  }

  ipOf(node: string): string {
    const ip = this.ips.get(node);
    if (ip === undefined) throw new Error(`no node ${node}`);
    return ip;
  }

  /** REST base of a node. */
  urlOf(node: string): string {
    return `http://${this.ipOf(node)}:${PORTS.rest}`;
  }

  /** Learns the pods there are; waits until so many are ready. */
  async nodesReady(count: number): Promise<void> {
    await eventually(`${count} nodes are ready`, READY_TIMEOUT_MS, async () => {
      const ready = (await this.pods()).filter((pod) => pod.ready);
      return ready.length === count ? true : null;
    });
  }

  /** kill -9; the node stays down until `release`. */
  async kill(node: string): Promise<void> {
    await this.tell({ action: 'hold', pod: `${NAMESPACE}/${node}` });
    await this.signal(node, 'SIGKILL');
  }

  /** The kubelet may start it again, within 300 ms. */
  async release(node: string): Promise<void> {
    await this.tell({ action: 'release', pod: `${NAMESPACE}/${node}` });
  }

  /** SIGSTOP; `resume` lets it go on. */
  async pause(node: string): Promise<void> {
    this.stopped.push(await this.signal(node, 'SIGSTOP'));
  }

  resumeAll(): void {
    for (const one of this.stopped.splice(0)) if (isAlive(one)) signalProcess(one.pid, 'SIGCONT');
  }

  /** A signal to the operator's process; it is started again by the launcher when it ends. */
  async signalOperator(signal: NodeJS.Signals): Promise<void> {
    const identity = await this.record('operator.json');
    signalProcess(identity.pid, signal);
    if (signal === 'SIGSTOP') this.stopped.push(identity);
  }

  /** kill -9 of the launcher with all nodes and the operator; the folder stays for `launch`. */
  async killEverything(): Promise<void> {
    const { launcher } = this;
    const children = this.children();
    if (launcher !== undefined && isRunning(launcher)) {
      const ended = new Promise((resolve) => launcher.once('exit', resolve));
      launcher.kill('SIGKILL');
      await ended;
    }
    for (const { pid } of children) signalProcess(pid, 'SIGKILL');
    while (children.some(isAlive)) await sleep(10);
  }

  /** Cuts the network in two. The operator is on the side that it is named with, or on none, or reaches both. */
  async partition(
    left: readonly string[],
    right: readonly string[],
    operator: 'left' | 'right' | 'none' | 'both',
  ): Promise<void> {
    const { network } = this;
    if (network === undefined) throw new Error('this rig has no network to cut');
    const ips = (nodes: readonly string[]): string[] => nodes.map((node) => this.ipOf(node));
    await network.cut(ips(left), ips(right));
    if (operator === 'right' || operator === 'none') await network.cut([network.operatorIP], ips(left));
    if (operator === 'left' || operator === 'none') await network.cut([network.operatorIP], ips(right));
  }

  async heal(): Promise<void> {
    await this.network?.heal();
  }

  /** Secret of the cluster's nodes, and the cluster's uid. */
  async keys(): Promise<{ token: string; uid: string }> {
    const [secret, cluster] = await Promise.all([
      this.api.get(RESOURCES.Secret, NAMESPACE, `${CLUSTER}-keys`),
      this.api.get(RESOURCES.VectorCluster, NAMESPACE, CLUSTER),
    ]);
    const token = Buffer.from(asString(asObject(secret['data'] as Json)['token']), 'base64').toString('utf8');
    return { token: token.trim(), uid: cluster.metadata.uid ?? '' };
  }

  /** Copies the programs' logs, to be read after a failure. */
  keepLogs(folder: string): void {
    rmSync(folder, { recursive: true, force: true });
    cpSync(join(this.home, 'logs'), folder, { recursive: true });
  }

  /** Ends everything and deletes the folder. */
  async close(): Promise<void> {
    this.resumeAll();
    this.shutdown.abort();
    this.client?.close();
    const { launcher } = this;
    if (launcher !== undefined && isRunning(launcher)) {
      const ended = new Promise((resolve) => launcher.once('exit', resolve));
      launcher.kill('SIGTERM');
      await Promise.race([ended, sleep(GRACE_MS, undefined, { ref: false })]);
    }
    await this.killEverything();
    rmSync(this.home, { recursive: true, force: true });
  }

  /** The VectorCluster as it is applied. */
  manifest(): KubeObject {
    const { nodes, spec } = this.options;
    return {
      apiVersion: 'annulus.dev/v1alpha1',
      kind: 'VectorCluster',
      metadata: { name: CLUSTER, namespace: NAMESPACE },
      spec: { nodes, storage: { size: '4Gi' }, ...spec },
    };
  }

  /** Starts the launcher on the folder. */
  async launch(): Promise<void> {
    const manifest = join(this.home, 'cluster.json');
    writeFileSync(manifest, JSON.stringify(this.manifest()));
    const launcher = fork(join(import.meta.dirname, 'launch.ts'), [this.home, this.network?.id ?? '-', manifest], {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
      execArgv: [],
    });
    this.launcher = launcher;
    const kubeconfig = await new Promise<string>((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error('the launcher did not start in time')), START_TIMEOUT_MS);
      launcher.once('exit', (code, signal) => reject(new Error(`the launcher ended: ${signal ?? String(code)}`)));
      launcher.once('message', (said: { kubeconfig: string }) => {
        clearTimeout(timer);
        resolve(said.kubeconfig);
      });
    });
    this.client?.close();
    const transport = createTransport(await loadConnection(kubeconfig, {}));
    this.client = { api: createKubeApi(transport, this.shutdown.signal), close: () => transport.close() };
  }

  /** The cluster's pods now. */
  async pods(): Promise<{ name: string; uid: string; ready: boolean }[]> {
    const { items } = await this.api.list(RESOURCES.Pod, { namespace: NAMESPACE });
    return items.map((pod) => this.learn(pod));
  }

  private learn(pod: KubeObject): { name: string; uid: string; ready: boolean } {
    const { name, uid, deletionTimestamp } = pod.metadata;
    const status = asObject(pod['status'] as Json);
    const ip = asString(status['podIP']);
    if (ip !== '') this.ips.set(name, ip);
    const conditions = Array.isArray(status['conditions']) ? status['conditions'].map(asObject) : [];
    const ready = conditions.some((each) => each['type'] === 'Ready' && each['status'] === 'True');
    if (ready && deletionTimestamp === undefined) this.ready.add(name);
    else this.ready.delete(name);
    return { name, uid: uid ?? '', ready };
  }

  private async signal(node: string, signal: NodeJS.Signals): Promise<ProcessIdentity> {
    const pod = (await this.pods()).find(({ name }) => name === node);
    if (pod === undefined) throw new Error(`no pod ${node}`);
    const identity = await this.record(`${pod.uid}_`);
    signalProcess(identity.pid, signal);
    return identity;
  }

  /** Nodes and operator that run now. */
  private children(): ProcessIdentity[] {
    const folder = join(this.home, 'processes');
    if (!existsSync(folder)) return [];
    return readdirSync(folder).flatMap((file) => readIdentity(join(folder, file)) ?? []);
  }

  /** The living process whose record's name begins so. */
  private record(prefix: string): Promise<ProcessIdentity> {
    const folder = join(this.home, 'processes');
    return eventually(`process ${prefix} runs`, START_TIMEOUT_MS, async () => {
      const files = readdirSync(folder).filter((name) => name.startsWith(prefix));
      return files.map((file) => readIdentity(join(folder, file))).find((each) => each !== undefined) ?? null;
    });
  }

  private async tell(request: LaunchRequest): Promise<void> {
    const { launcher } = this;
    await new Promise<void>((resolve, reject) => {
      launcher?.once('message', () => resolve());
      launcher?.send(request, (error) => (error === null ? undefined : reject(error)));
    });
  }
}

const isRunning = (child: ChildProcess): boolean => child.exitCode === null && child.signalCode === null;

/** Undefined when the record is no longer of a living process. */
function readIdentity(path: string): ProcessIdentity | undefined {
  try {
    const identity = JSON.parse(readFileSync(path, 'utf8')) as ProcessIdentity;
    return isAlive(identity) ? identity : undefined;
  } catch {
    return undefined;
  }
}
