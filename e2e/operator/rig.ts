import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { parseCollection, parseShard, parseVectorCluster } from '#crds/validate.ts';
import type { Collection, Shard, VectorCluster } from '#crds/v1alpha1/index.ts';
import type { MapCollection, MapCopy, MapShard } from '#model/cluster-map.ts';
import { ensureCredentials, writeKubeconfig } from '#local/kube-api/credentials.ts';
import { startKubeApi, type KubeApi as KubeServer } from '#local/kube-api/server.ts';
import { REPOSITORY } from '#local/launcher.ts';
import { applyCRDs } from '#local/manifests.ts';
import { createKubeApi, type KubeApi, type OnCall } from '#operator/kube/api.ts';
import { loadConnection } from '#operator/kube/credentials.ts';
import { RESOURCES, type KnownKind } from '#operator/kube/resources.ts';
import { createTransport } from '#operator/kube/transport.ts';
import { Operator } from '#operator/operator.ts';
import { FakeNode } from '#operator/testing/fake-node.ts';
import { asObject, until } from '#operator/testing/fixtures.ts';

export const NAMESPACE = 'default';
const WRITES = new Set(['create', 'update', 'patch', 'apply', 'delete']);
const PODS = { group: '', version: 'v1', resource: 'pods' };
const log = pino({ level: process.env['ANNULUS_TEST_LOG'] ?? 'silent' });

/** The operator over HTTPS against the embedded API server; pods and nodes are made by hand, of one cluster `ring`. */
export class OperatorRig {
  readonly nodes: FakeNode[] = [];
  readonly #subnet: string;
  readonly #home = mkdtempSync(join(tmpdir(), 'annulus-operator-'));
  /** Writes that the present operator sent, `verb kind`. */
  writes: string[] = [];
  #server: KubeServer | undefined;
  #operator: Operator | undefined;
  #client: { api: KubeApi; close: () => void } | undefined;

  /** `subnet`: the first three bytes of the nodes' addresses, another one in each test file. */
  constructor(subnet = '127.77.32') {
    this.#subnet = subnet;
  }

  get server(): KubeServer {
    return this.#server!;
  }

  get operator(): Operator {
    return this.#operator!;
  }

  get api(): KubeApi {
    return this.#client!.api;
  }

  /** Of the API server. */
  get kubeconfig(): string {
    return join(this.#home, 'kubeconfig');
  }

  async start(): Promise<void> {
    await this.startApi();
    await this.startOperator();
  }

  /** The API server with our CRDs, without an operator. */
  async startApi(): Promise<void> {
    await this.startServer(0);
    await applyCRDs(this.server.store, join(REPOSITORY, 'crds'));
    await writeKubeconfig(this.kubeconfig, this.server.url, await ensureCredentials(join(this.#home, 'pki')));
  }

  async stop(): Promise<void> {
    await this.stopOperator();
    for (const node of this.nodes) node.stop();
    await this.#server?.close();
    rmSync(this.#home, { recursive: true, force: true });
  }

  async startServer(port: number): Promise<void> {
    const { token, tls } = await ensureCredentials(join(this.#home, 'pki'));
    const dataDir = join(this.#home, 'api');
    this.#server = await startKubeApi({ dataDir, port, token, tls, logger: pino({ level: 'silent' }) });
  }

  async startOperator(): Promise<void> {
    const shutdown = new AbortController();
    const transport = createTransport(await loadConnection(this.kubeconfig, {}));
    const writes: string[] = [];
    this.writes = writes;
    const onCall: OnCall = (verb, kind) => {
      if (WRITES.has(verb)) writes.push(`${verb} ${kind}`);
    };
    const api = createKubeApi(transport, shutdown.signal, { onCall });
    const close = (): void => {
      shutdown.abort();
      transport.close();
    };
    this.#client = { api, close };
    this.#operator = new Operator({
      api,
      namespace: '',
      identity: 'test',
      version: '0',
      config: {},
      podMonitors: false,
      log,
    });
    await this.#operator.start();
  }

  async stopOperator(): Promise<void> {
    await this.#operator?.stop();
    this.#client?.close();
  }

  async get(kind: KnownKind, name: string): Promise<Record<string, unknown>> {
    const { group, version, plural } = RESOURCES[kind];
    return { ...(await this.server.store.get({ group, version, resource: plural }, NAMESPACE, name)) };
  }

  async list(kind: KnownKind): Promise<unknown[]> {
    const { group, version, plural } = RESOURCES[kind];
    return (await this.server.store.list({ group, version, resource: plural }, { namespace: NAMESPACE })).items;
  }

  async cluster(): Promise<VectorCluster> {
    return unwrap(parseVectorCluster(await this.get('VectorCluster', 'ring')));
  }

  async collection(name: string): Promise<Collection> {
    return unwrap(parseCollection(await this.get('Collection', name)));
  }

  async collections(): Promise<Collection[]> {
    return (await this.list('Collection')).map((json) => unwrap(parseCollection(json)));
  }

  async shard(name: string): Promise<Shard> {
    return unwrap(parseShard(await this.get('Shard', name)));
  }

  /** Makes the pod that a kubelet would, with a fake node behind its address. */
  async startPod(ordinal: number): Promise<void> {
    const name = `ring-${ordinal}`;
    const ip = `${this.#subnet}.${ordinal + 1}`;
    const template = asObject(asObject((await this.get('StatefulSet', 'ring'))['spec'])['template']);
    const { labels } = asObject(template['metadata']) as { labels: Record<string, string> };
    await this.server.store.create(PODS, {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name, namespace: NAMESPACE, labels },
      spec: { containers: [{ name: 'node-agent', image: 'annulus:latest' }] },
    });
    await this.setPod(name, { phase: 'Running', podIP: ip, conditions: [{ type: 'Ready', status: 'True' }] });
    const secret = asObject((await this.get('Secret', 'ring-keys'))['data']);
    const token = Buffer.from(String(secret['token']), 'base64').toString();
    const clusterUID = (await this.cluster()).metadata.uid ?? '';
    const node = new FakeNode({ node: name, ip, token, clusterUID, obedient: true });
    await node.start();
    this.nodes.push(node);
  }

  async setPod(name: string, status: object): Promise<void> {
    await this.server.store.patch(PODS, NAMESPACE, name, { status: { ...status } } as never, { subresource: 'status' });
  }

  /** A collection in the map of the first node. */
  mapped(object: string): MapCollection | undefined {
    return this.nodes[0]?.map?.collections.find((one) => one.object === object);
  }

  mappedShard(name: string): MapShard {
    const shards = this.nodes[0]?.map?.collections.flatMap((one) => one.shards);
    const found = shards?.find((one) => one.name === name);
    if (found === undefined) throw new Error(`no shard ${name} in the map`);
    return found;
  }

  nodeOf(copy: MapCopy): FakeNode {
    return this.nodes.find((node) => node.options.node === copy.node)!;
  }

  /** Waits until no write has left the process for a second. */
  async quiet(): Promise<void> {
    let seen = -1;
    let since = Date.now();
    await until('the operator is quiet', () => {
      if (this.writes.length !== seen) since = Date.now();
      seen = this.writes.length;
      return Date.now() - since > 1_000;
    });
  }
}

function unwrap<T>(result: { ok: true; value: T } | { ok: false; errors: unknown }): T {
  if (result.ok) return result.value;
  throw new Error(JSON.stringify(result.errors));
}
