import type { KubeObject } from '../kube-api/api-types.ts';
import { parseQuantity } from '../kube-api/quantity.ts';
import { stringMap } from './pod-spec.ts';
import type { ContainerSpec, EnvSource } from './pod-spec.ts';

/** What a container's environment is computed from. */
export interface EnvironmentInput {
  readonly pod: KubeObject;
  readonly container: ContainerSpec;
  readonly podIP: string;
  /** Decoded values of a Secret or ConfigMap; undefined when it does not exist. */
  readonly values: (kind: 'secret' | 'configMap', name: string) => Readonly<Record<string, string>> | undefined;
}

export type EnvironmentResult =
  | { readonly ok: true; readonly env: Record<string, string> }
  /** In the kubelet's words, for a CreateContainerConfigError. */
  | { readonly ok: false; readonly message: string };

class Missing extends Error {}

const KIND_WORD = { secret: 'secret', configMap: 'configmap' } as const;

/** The variables of a container as the Kubernetes API defines them, `$(NAME)` expanded. */
export function planEnvironment(input: EnvironmentInput): EnvironmentResult {
  const env: Record<string, string> = {};
  try {
    for (const from of input.container.envFrom) {
      const values = input.values(from.kind, from.name);
      if (values === undefined && !from.optional) throw new Missing(`${KIND_WORD[from.kind]} "${from.name}" not found`);
      for (const [key, value] of Object.entries(values ?? {})) env[from.prefix + key] = value;
    }
    for (const { name, source } of input.container.env) {
      const value = valueOf(source, input);
      if (value !== undefined) env[name] = source.kind === 'value' ? expand(value, env) : value;
    }
  } catch (error) {
    if (error instanceof Missing) return { ok: false, message: error.message };
    throw error;
  }
  return { ok: true, env };
}

/** Replaces `$(NAME)` by variables that are known; `$$(NAME)` stays `$(NAME)`. */
export function expand(text: string, env: Readonly<Record<string, string>>): string {
  return text.replaceAll(/\$(\$|\(([A-Za-z_.-][\w.-]*)\))/g, (whole, inner: string, name: string | undefined) => {
    if (inner === '$') return '$';
    return (name === undefined ? undefined : env[name]) ?? whole;
  });
}

function valueOf(source: EnvSource, input: EnvironmentInput): string | undefined {
  switch (source.kind) {
    case 'value':
      return source.value;
    case 'field':
      return fieldOf(input.pod, source.path, input.podIP);
    case 'resource':
      return resourceOf(input.container, source.resource, source.divisor);
    case 'secret':
    case 'configMap': {
      const { name, key, optional } = source.ref;
      const values = input.values(source.kind, name);
      const value = values?.[key];
      if (value !== undefined || optional) return value;
      const word = KIND_WORD[source.kind];
      if (values === undefined) throw new Missing(`${word} "${name}" not found`);
      const kind = source.kind === 'secret' ? 'Secret' : 'ConfigMap';
      throw new Missing(`couldn't find key ${key} in ${kind} ${input.pod.metadata.namespace ?? ''}/${name}`);
    }
  }
}

/** A downward-API field of a pod, e.g. metadata.name or metadata.labels['app']. */
export function fieldOf(pod: KubeObject, path: string, podIP: string): string {
  const { metadata } = pod;
  const keyed = /^metadata\.(labels|annotations)\['(.+)'\]$/.exec(path);
  if (keyed?.[1] !== undefined && keyed[2] !== undefined) {
    return (keyed[1] === 'labels' ? metadata.labels : metadata.annotations)?.[keyed[2]] ?? '';
  }
  const lines = (values: Record<string, string> | undefined): string =>
    Object.entries(values ?? {})
      .map(([key, value]) => `${key}=${JSON.stringify(value)}`)
      .join('\n');
  const spec = pod.spec ?? {};
  const fields: Record<string, string> = {
    'metadata.name': metadata.name,
    'metadata.namespace': metadata.namespace ?? '',
    'metadata.uid': metadata.uid,
    'metadata.labels': lines(metadata.labels),
    'metadata.annotations': lines(metadata.annotations),
    'spec.nodeName': stringMap(spec)['nodeName'] ?? '',
    'spec.serviceAccountName': stringMap(spec)['serviceAccountName'] ?? 'default',
    'status.podIP': podIP,
    'status.podIPs': podIP,
    'status.hostIP': '127.0.0.1',
    'status.hostIPs': '127.0.0.1',
  };
  const value = fields[path];
  if (value === undefined) throw new Missing(`unsupported fieldPath: ${path}`);
  return value;
}

function resourceOf(container: ContainerSpec, resource: string, divisor: string): string {
  const [group, name = ''] = resource.split('.', 2);
  const amount = group === 'limits' ? (container.limits[name] ?? container.requests[name]) : container.requests[name];
  const nanos = (text: string): number => Number(parseQuantity(text)?.nanos ?? 0n);
  return String(Math.ceil(nanos(amount ?? '0') / (nanos(divisor) || nanos('1'))));
}
