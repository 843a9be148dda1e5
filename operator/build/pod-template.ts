import { PORTS } from '#model/ports.ts';
import { contentHash } from '../kube/json.ts';
import { childLabels, childNames, podSelector, TEMPLATE_HASH_LABEL, type StoredCluster } from './common.ts';

export const DATA_DIR = '/var/lib/annulus';
const KEYS_DIR = '/etc/annulus/keys';
const CONFIG_DIR = '/etc/annulus/config';
export const CONFIG_FILE = 'node.json';
export const CONTAINER = 'node-agent';
/** User and group of the image: any number but 0 would do. */
const USER = 65_532;
/** Time for a node to close its shards: an HNSW snapshot of a big shard takes seconds. */
const TERMINATION_SECONDS = 60;
/** A node that loads big graphs may take long to answer for the first time: an hour. */
const STARTUP_FAILURES = 720;

/** Template of the data pods. Its own hash is among its labels, so that an outdated pod is seen by its label. */
export function buildPodTemplate(cluster: StoredCluster): { metadata: object; spec: object } {
  const spec = podSpec(cluster);
  const hash = contentHash(spec).slice(0, 16);
  return {
    metadata: { labels: { ...childLabels(cluster.metadata.name), [TEMPLATE_HASH_LABEL]: hash } },
    spec,
  };
}

/** Hash label of the template that the cluster's pods should have. */
export function templateHash(cluster: StoredCluster): string {
  return contentHash(podSpec(cluster)).slice(0, 16);
}

function podSpec(cluster: StoredCluster): object {
  const { name } = cluster.metadata;
  const { spec } = cluster;
  return {
    serviceAccountName: name,
    automountServiceAccountToken: false,
    enableServiceLinks: false,
    terminationGracePeriodSeconds: TERMINATION_SECONDS,
    securityContext: {
      runAsNonRoot: true,
      runAsUser: USER,
      runAsGroup: USER,
      fsGroup: USER,
      fsGroupChangePolicy: 'OnRootMismatch',
      seccompProfile: { type: 'RuntimeDefault' },
    },
    topologySpreadConstraints: [spec.topologyKey ?? 'topology.kubernetes.io/zone', 'kubernetes.io/hostname'].map(
      (topologyKey) => ({
        topologyKey,
        maxSkew: 1,
        whenUnsatisfiable: 'ScheduleAnyway',
        labelSelector: { matchLabels: podSelector(name) },
      }),
    ),
    ...(spec.nodeSelector ? { nodeSelector: spec.nodeSelector } : {}),
    ...(spec.tolerations ? { tolerations: spec.tolerations } : {}),
    ...(spec.affinity ? { affinity: spec.affinity } : {}),
    containers: [container(cluster)],
    volumes: [
      { name: 'keys', secret: { secretName: childNames.secret(name), defaultMode: 0o440 } },
      { name: 'config', configMap: { name: childNames.configMap(name) } },
      { name: 'tmp', emptyDir: {} },
    ],
  };
}

function container(cluster: StoredCluster): object {
  const { spec } = cluster;
  return {
    name: CONTAINER,
    image: spec.image ?? 'annulus:latest',
    args: ['node-agent'],
    // What it said last (volume refused, port in use) is in the pod's status, and so in our conditions.
    terminationMessagePolicy: 'FallbackToLogsOnError',
    env: environment(cluster),
    ports: [
      { name: 'rest', containerPort: PORTS.rest, protocol: 'TCP' },
      { name: 'grpc', containerPort: PORTS.grpc, protocol: 'TCP' },
      { name: 'node', containerPort: PORTS.node, protocol: 'TCP' },
      { name: 'gossip', containerPort: PORTS.gossip, protocol: 'UDP' },
    ],
    ...(spec.resources ? { resources: spec.resources } : {}),
    startupProbe: { ...httpProbe('/healthz'), periodSeconds: 5, failureThreshold: STARTUP_FAILURES },
    livenessProbe: { ...httpProbe('/healthz'), periodSeconds: 10, failureThreshold: 6 },
    readinessProbe: { ...httpProbe('/readyz'), periodSeconds: 5, failureThreshold: 2 },
    securityContext: {
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    },
    volumeMounts: [
      { name: 'data', mountPath: DATA_DIR },
      { name: 'keys', mountPath: KEYS_DIR, readOnly: true },
      { name: 'config', mountPath: CONFIG_DIR, readOnly: true },
      { name: 'tmp', mountPath: '/tmp' },
    ],
  };
}

function environment(cluster: StoredCluster): object[] {
  const field = (name: string, fieldPath: string): object => ({
    name,
    valueFrom: { fieldRef: { apiVersion: 'v1', fieldPath } },
  });
  return [
    { name: 'ANNULUS_CLUSTER', value: cluster.metadata.name },
    { name: 'ANNULUS_CLUSTER_UID', value: cluster.metadata.uid },
    field('ANNULUS_NAMESPACE', 'metadata.namespace'),
    field('ANNULUS_NODE', 'metadata.name'),
    field('POD_IP', 'status.podIP'),
    { name: 'ANNULUS_DATA_DIR', value: DATA_DIR },
    { name: 'ANNULUS_KEYS_DIR', value: KEYS_DIR },
    { name: 'ANNULUS_CONFIG', value: `${CONFIG_DIR}/${CONFIG_FILE}` },
  ];
}

function httpProbe(path: string): object {
  return { httpGet: { path, port: 'rest', scheme: 'HTTP' }, timeoutSeconds: 3 };
}
