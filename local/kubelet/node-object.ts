import { arch, availableParallelism, hostname, release, totalmem } from 'node:os';
import { ApiError } from '../kube-api/api-types.ts';
import type { KubeStore } from '../kube-api/api-types.ts';
import { apiTime } from './pod-status.plan.ts';
import { NODES, NODE_NAME } from './resources.ts';

/** Labels that a nodeSelector may ask for. */
export const NODE_LABELS: Readonly<Record<string, string>> = {
  'kubernetes.io/hostname': NODE_NAME,
  'kubernetes.io/os': 'linux',
  'kubernetes.io/arch': arch() === 'x64' ? 'amd64' : arch(),
  'topology.kubernetes.io/zone': 'local',
};

/** Pods that one launcher runs at most: it has a /24 of loopback. */
const MAX_PODS = '250';

/** Writes the one Node object: this machine, Ready. Written once a start, so that an idle system writes nothing. */
export async function registerNode(store: KubeStore): Promise<void> {
  const metadata = { name: NODE_NAME, labels: { ...NODE_LABELS } };
  try {
    await store.get(NODES, '', NODE_NAME);
    await store.patch(NODES, '', NODE_NAME, { metadata: { labels: metadata.labels } });
  } catch (error) {
    if (!(error instanceof ApiError) || error.code !== 404) throw error;
    await store.create(NODES, { apiVersion: 'v1', kind: 'Node', metadata, spec: {} });
  }
  const resources = {
    cpu: String(availableParallelism()),
    memory: `${Math.floor(totalmem() / 1024)}Ki`,
    pods: MAX_PODS,
  };
  const now = apiTime(Date.now());
  const status = {
    capacity: resources,
    allocatable: resources,
    addresses: [
      { type: 'InternalIP', address: '127.0.0.1' },
      { type: 'Hostname', address: hostname() },
    ],
    conditions: [
      {
        type: 'Ready',
        status: 'True',
        reason: 'KubeletReady',
        message: 'the embedded kubelet runs pods as processes of this machine',
        lastHeartbeatTime: now,
        lastTransitionTime: now,
      },
    ],
    nodeInfo: {
      architecture: arch(),
      bootID: '',
      containerRuntimeVersion: `node://${process.versions.node}`,
      kernelVersion: release(),
      kubeProxyVersion: '',
      kubeletVersion: 'embedded',
      machineID: '',
      operatingSystem: process.platform,
      osImage: 'processes, no containers',
      systemUUID: '',
    },
  };
  await store.patch(NODES, '', NODE_NAME, { status }, { subresource: 'status' });
}
