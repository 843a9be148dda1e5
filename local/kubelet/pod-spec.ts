import { asArray, asNumber, asObject, asString, isObject } from '../kube-api/json.ts';
import type { Json, JsonObject } from '../kube-api/json.ts';

/** What the kubelet reads of a Pod's spec. Everything that it cannot do is listed in `unsupported`, never ignored. */
export interface PodSpec {
  readonly containers: readonly ContainerSpec[];
  readonly volumes: readonly VolumeSpec[];
  readonly restartPolicy: RestartPolicy;
  readonly graceSeconds: number;
  readonly nodeName: string;
  readonly nodeSelector: Readonly<Record<string, string>>;
  readonly unsupported: readonly string[];
}

export type RestartPolicy = 'Always' | 'OnFailure' | 'Never';

export interface ContainerSpec {
  readonly name: string;
  readonly image: string;
  readonly command: readonly string[];
  readonly args: readonly string[];
  readonly env: readonly EnvVar[];
  readonly envFrom: readonly EnvFrom[];
  readonly ports: Readonly<Record<string, number>>;
  readonly mounts: readonly Mount[];
  readonly limits: Readonly<Record<string, string>>;
  readonly requests: Readonly<Record<string, string>>;
  readonly startup: ProbeSpec | undefined;
  readonly readiness: ProbeSpec | undefined;
  readonly liveness: ProbeSpec | undefined;
}

export interface KeyRef {
  readonly name: string;
  readonly key: string;
  readonly optional: boolean;
}
export type EnvSource =
  | { readonly kind: 'value'; readonly value: string }
  | { readonly kind: 'field'; readonly path: string }
  | { readonly kind: 'resource'; readonly resource: string; readonly divisor: string }
  | { readonly kind: 'secret' | 'configMap'; readonly ref: KeyRef };
export interface EnvVar {
  readonly name: string;
  readonly source: EnvSource;
}
export interface EnvFrom {
  readonly kind: 'secret' | 'configMap';
  readonly name: string;
  readonly optional: boolean;
  readonly prefix: string;
}

export interface Mount {
  readonly volume: string;
  readonly path: string;
  readonly subPath: string;
}

export interface FileItem {
  readonly key: string;
  readonly path: string;
}
export type FileSource =
  | {
      readonly kind: 'secret' | 'configMap';
      readonly object: string;
      readonly optional: boolean;
      readonly items: readonly FileItem[];
    }
  | { readonly kind: 'downward'; readonly items: readonly { readonly path: string; readonly field: string }[] };
export type VolumeSpec =
  | { readonly kind: 'emptyDir'; readonly name: string }
  | { readonly kind: 'claim'; readonly name: string; readonly claim: string }
  | { readonly kind: 'files'; readonly name: string; readonly sources: readonly FileSource[] };

export type ProbeHandler =
  | {
      readonly kind: 'http';
      readonly host: string;
      readonly path: string;
      readonly port: number | string;
      readonly tls: boolean;
      readonly headers: Readonly<Record<string, string>>;
    }
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number | string };
export interface ProbeSpec {
  readonly handler: ProbeHandler;
  readonly initialDelaySeconds: number;
  readonly periodSeconds: number;
  readonly timeoutSeconds: number;
  readonly successThreshold: number;
  readonly failureThreshold: number;
}

export const stringMap = (value: unknown): Record<string, string> =>
  Object.fromEntries(
    Object.entries(asObject(value)).flatMap(([key, item]) => (typeof item === 'string' ? [[key, item]] : [])),
  );
const strings = (value: unknown): string[] => asArray(value).map(asString);

/** Reads a Pod's spec (or a template's); the API server has validated its types. */
export function parsePodSpec(spec: JsonObject | undefined): PodSpec {
  const from = spec ?? {};
  const unsupported: string[] = [];
  if (asArray(from['initContainers']).length > 0) unsupported.push('initContainers');
  const policy = asString(from['restartPolicy']);
  return {
    containers: asArray(from['containers']).map((item) => parseContainer(asObject(item), unsupported)),
    volumes: asArray(from['volumes']).flatMap((item) => parseVolume(asObject(item), unsupported)),
    restartPolicy: policy === 'OnFailure' || policy === 'Never' ? policy : 'Always',
    graceSeconds: asNumber(from['terminationGracePeriodSeconds']) ?? 30,
    nodeName: asString(from['nodeName']),
    nodeSelector: stringMap(from['nodeSelector']),
    unsupported,
  };
}

function parseContainer(from: JsonObject, unsupported: string[]): ContainerSpec {
  const name = asString(from['name']);
  const resources = asObject(from['resources']);
  const probe = (field: string): ProbeSpec | undefined => {
    const value = from[field];
    if (!isObject(value)) return undefined;
    const parsed = parseProbe(value);
    if (parsed === undefined) unsupported.push(`container ${name}: ${field} other than httpGet and tcpSocket`);
    return parsed;
  };
  return {
    name,
    image: asString(from['image']),
    command: strings(from['command']),
    args: strings(from['args']),
    env: asArray(from['env']).map((item) => parseEnv(asObject(item))),
    envFrom: asArray(from['envFrom']).map((item) => parseEnvFrom(asObject(item))),
    ports: Object.fromEntries(
      asArray(from['ports']).map((item) => [asString(asObject(item)['name']), Number(asObject(item)['containerPort'])]),
    ),
    mounts: asArray(from['volumeMounts']).map((item) => {
      const mount = asObject(item);
      return {
        volume: asString(mount['name']),
        path: asString(mount['mountPath']),
        subPath: asString(mount['subPath']),
      };
    }),
    limits: stringMap(resources['limits']),
    requests: stringMap(resources['requests']),
    startup: probe('startupProbe'),
    readiness: probe('readinessProbe'),
    liveness: probe('livenessProbe'),
  };
}

function keyRef(value: Json | undefined): KeyRef {
  const ref = asObject(value);
  return { name: asString(ref['name']), key: asString(ref['key']), optional: ref['optional'] === true };
}

function parseEnv(from: JsonObject): EnvVar {
  const name = asString(from['name']);
  const source = asObject(from['valueFrom']);
  if (isObject(source['fieldRef'])) {
    return { name, source: { kind: 'field', path: asString(source['fieldRef']['fieldPath']) } };
  }
  if (isObject(source['secretKeyRef']))
    return { name, source: { kind: 'secret', ref: keyRef(source['secretKeyRef']) } };
  if (isObject(source['configMapKeyRef'])) {
    return { name, source: { kind: 'configMap', ref: keyRef(source['configMapKeyRef']) } };
  }
  if (isObject(source['resourceFieldRef'])) {
    const { resource, divisor } = source['resourceFieldRef'];
    return { name, source: { kind: 'resource', resource: asString(resource), divisor: asString(divisor) || '1' } };
  }
  return { name, source: { kind: 'value', value: asString(from['value']) } };
}

function parseEnvFrom(from: JsonObject): EnvFrom {
  const kind = isObject(from['secretRef']) ? 'secret' : 'configMap';
  const ref = asObject(from['secretRef'] ?? from['configMapRef']);
  return { kind, name: asString(ref['name']), optional: ref['optional'] === true, prefix: asString(from['prefix']) };
}

function parseVolume(from: JsonObject, unsupported: string[]): VolumeSpec[] {
  const name = asString(from['name']);
  if (isObject(from['emptyDir'])) return [{ kind: 'emptyDir', name }];
  const claim = from['persistentVolumeClaim'];
  if (isObject(claim)) return [{ kind: 'claim', name, claim: asString(claim['claimName']) }];
  const projected = from['projected'];
  const sources = isObject(projected) ? asArray(projected['sources']).map(asObject) : [from];
  const parsed = sources.map(parseFileSource);
  if (parsed.some((source) => source === undefined)) {
    unsupported.push(`volume ${name}: only emptyDir, persistentVolumeClaim, configMap, secret and downwardAPI`);
    return [];
  }
  return [{ kind: 'files', name, sources: parsed.filter((source) => source !== undefined) }];
}

function parseFileSource(from: JsonObject): FileSource | undefined {
  const items = (value: JsonObject): FileItem[] =>
    asArray(value['items']).map((item) => ({
      key: asString(asObject(item)['key']),
      path: asString(asObject(item)['path']),
    }));
  const { secret, configMap, downwardAPI } = from;
  if (isObject(secret)) {
    const object = asString(secret['secretName'] ?? secret['name']);
    return { kind: 'secret', object, optional: secret['optional'] === true, items: items(secret) };
  }
  if (isObject(configMap)) {
    const object = asString(configMap['name']);
    return { kind: 'configMap', object, optional: configMap['optional'] === true, items: items(configMap) };
  }
  if (!isObject(downwardAPI)) return undefined;
  const fields = asArray(downwardAPI['items']).map((item) => ({
    path: asString(asObject(item)['path']),
    field: asString(asObject(asObject(item)['fieldRef'])['fieldPath']),
  }));
  return { kind: 'downward', items: fields };
}

function parseProbe(from: JsonObject): ProbeSpec | undefined {
  const handler = parseHandler(from);
  if (handler === undefined) return undefined;
  const seconds = (field: string, fallback: number): number => asNumber(from[field]) ?? fallback;
  return {
    handler,
    initialDelaySeconds: seconds('initialDelaySeconds', 0),
    periodSeconds: seconds('periodSeconds', 10),
    timeoutSeconds: seconds('timeoutSeconds', 1),
    successThreshold: seconds('successThreshold', 1),
    failureThreshold: seconds('failureThreshold', 3),
  };
}

function parseHandler(from: JsonObject): ProbeHandler | undefined {
  const { httpGet, tcpSocket } = from;
  const port = (value: Json | undefined): number | string => (typeof value === 'number' ? value : asString(value));
  if (isObject(httpGet)) {
    const headers = asArray(httpGet['httpHeaders']).map((item) => [
      asString(asObject(item)['name']),
      asString(asObject(item)['value']),
    ]);
    return {
      kind: 'http',
      host: asString(httpGet['host']),
      path: asString(httpGet['path']) || '/',
      port: port(httpGet['port']),
      tls: httpGet['scheme'] === 'HTTPS',
      headers: Object.fromEntries(headers),
    };
  }
  if (isObject(tcpSocket)) return { kind: 'tcp', host: asString(tcpSocket['host']), port: port(tcpSocket['port']) };
  return undefined;
}
