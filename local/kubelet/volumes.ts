import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import type { KubeObject } from '../kube-api/api-types.ts';
import { asString } from '../kube-api/json.ts';
import { fieldOf } from './environment.plan.ts';
import type { MappedPath } from './paths.plan.ts';
import { stringMap } from './pod-spec.ts';
import type { ContainerSpec, FileSource, PodSpec } from './pod-spec.ts';
import { writeFileWhole } from './volume-lock.ts';

/** A volume cannot be prepared (yet); the message is in the kubelet's words. */
export class MountError extends Error {}

/** Where volumes find what they show. */
export interface VolumeSources {
  readonly secret: (namespace: string, name: string) => KubeObject | undefined;
  readonly configMap: (namespace: string, name: string) => KubeObject | undefined;
  readonly claim: (namespace: string, name: string) => KubeObject | undefined;
}

export const claimFolder = (stateDir: string, namespace: string, claim: string): string =>
  join(stateDir, 'volumes', namespace, claim);

/** Lies beside the claim's folder, so that the container sees an empty volume. */
export const claimLock = (stateDir: string, namespace: string, claim: string): string =>
  `${claimFolder(stateDir, namespace, claim)}.lock`;

/** Claims that a pod mounts. */
export const claimsOf = (spec: PodSpec): string[] =>
  spec.volumes.flatMap((volume) => (volume.kind === 'claim' ? [volume.claim] : []));

/** Makes every volume of a pod a folder; throws MountError. Files are rewritten only where they differ. */
export function prepareVolumes(
  stateDir: string,
  podDir: string,
  pod: KubeObject,
  spec: PodSpec,
  podIP: string,
  sources: VolumeSources,
): ReadonlyMap<string, string> {
  const namespace = pod.metadata.namespace ?? '';
  const folders = new Map<string, string>();
  for (const volume of spec.volumes) {
    let folder = join(podDir, 'volumes', volume.name);
    if (volume.kind === 'claim') {
      const claim = sources.claim(namespace, volume.claim);
      if (claim === undefined) throw new MountError(`persistentvolumeclaim "${volume.claim}" not found`);
      if (asString(claim.status?.['phase']) !== 'Bound') {
        throw new MountError('pod has unbound immediate PersistentVolumeClaims');
      }
      folder = claimFolder(stateDir, namespace, volume.claim);
    }
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    if (volume.kind === 'files') {
      const fail = (reason: string): MountError =>
        new MountError(`MountVolume.SetUp failed for volume "${volume.name}" : ${reason}`);
      const files = new Map<string, Buffer>();
      for (const source of volume.sources) collectFiles(source, pod, podIP, sources, files, fail);
      syncFiles(folder, files);
    }
    folders.set(volume.name, folder);
  }
  return folders;
}

/** The folders that stand for a container's mount paths. */
export function mappedPaths(container: ContainerSpec, folders: ReadonlyMap<string, string>): MappedPath[] {
  return container.mounts.flatMap((mount) => {
    const folder = folders.get(mount.volume);
    if (folder === undefined) return [];
    const path = mount.path.replace(/\/+$/, '');
    return path === '' ? [] : [{ containerPath: path, folder: mount.subPath ? join(folder, mount.subPath) : folder }];
  });
}

/** Values of a Secret (decoded) or ConfigMap as bytes. */
export function dataOf(object: KubeObject, kind: 'secret' | 'configMap'): Map<string, Buffer> {
  const data = new Map<string, Buffer>();
  for (const [key, value] of Object.entries(stringMap(object['data']))) {
    data.set(key, Buffer.from(value, kind === 'secret' ? 'base64' : 'utf8'));
  }
  for (const [key, value] of Object.entries(stringMap(object['binaryData'])))
    data.set(key, Buffer.from(value, 'base64'));
  return data;
}

function collectFiles(
  source: FileSource,
  pod: KubeObject,
  podIP: string,
  sources: VolumeSources,
  files: Map<string, Buffer>,
  fail: (reason: string) => MountError,
): void {
  if (source.kind === 'downward') {
    for (const item of source.items) files.set(item.path, Buffer.from(fieldOf(pod, item.field, podIP)));
    return;
  }
  const namespace = pod.metadata.namespace ?? '';
  const object = sources[source.kind](namespace, source.object);
  if (object === undefined) {
    if (source.optional) return;
    throw fail(`${source.kind.toLowerCase()} "${source.object}" not found`);
  }
  const data = dataOf(object, source.kind);
  if (source.items.length === 0) for (const [key, value] of data) files.set(key, value);
  for (const { key, path } of source.items) {
    const value = data.get(key);
    if (value !== undefined) files.set(path, value);
    else if (!source.optional) throw fail(`references non-existent ${source.kind.toLowerCase()} key: ${key}`);
  }
}

function syncFiles(folder: string, files: ReadonlyMap<string, Buffer>): void {
  for (const [path, content] of files) {
    const target = join(folder, path);
    if (relative(folder, target).startsWith('..')) throw new MountError(`invalid file path "${path}"`);
    mkdirSync(dirname(target), { recursive: true, mode: 0o700 });
    if (!existsSync(target) || !readFileSync(target).equals(content)) writeFileWhole(target, content, 0o600);
  }
  for (const entry of readdirSync(folder)) {
    const wanted = [...files.keys()].some((path) => path === entry || path.startsWith(`${entry}/`));
    if (!wanted) rmSync(join(folder, entry), { recursive: true, force: true });
  }
}
