import { delimiter, dirname } from 'node:path';
import type { KubeObject } from '../kube-api/api-types.ts';
import { planEnvironment } from './environment.plan.ts';
import type { Entrypoint } from './image.ts';
import { rewritePaths } from './paths.plan.ts';
import type { ContainerSpec } from './pod-spec.ts';
import { dataOf, mappedPaths } from './volumes.ts';
import type { VolumeSources } from './volumes.ts';

/** The command line and whole environment of a container's process. */
export interface Launch {
  readonly command: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

export interface LaunchInput {
  readonly pod: KubeObject;
  readonly container: ContainerSpec;
  readonly entrypoint: Entrypoint;
  /** Folder of each volume. */
  readonly folders: ReadonlyMap<string, string>;
  readonly podIP: string;
  readonly sources: VolumeSources;
  readonly baseEnv: Readonly<Record<string, string>>;
}

/** What to run for a container, or in the kubelet's words why that cannot be known yet. */
export function planLaunch(input: LaunchInput): ({ ok: true } & Launch) | { ok: false; message: string } {
  const { pod, container, podIP, sources } = input;
  const namespace = pod.metadata.namespace ?? '';
  const environment = planEnvironment({
    pod,
    container,
    podIP,
    values: (kind, name) => {
      const object = sources[kind](namespace, name);
      if (object === undefined) return undefined;
      return Object.fromEntries([...dataOf(object, kind)].map(([key, value]) => [key, value.toString('utf8')]));
    },
  });
  if (!environment.ok) return environment;
  const paths = mappedPaths(container, input.folders);
  const rewrite = (words: readonly string[]): string[] => words.map((word) => rewritePaths(word, paths));
  const own = Object.entries(environment.env).map(([name, value]) => [name, rewritePaths(value, paths)]);
  const temporary = paths.find((path) => path.containerPath === '/tmp');
  const env: Record<string, string> = {
    PATH: [dirname(process.execPath), process.env['PATH'] ?? '/usr/bin:/bin'].join(delimiter),
    HOME: process.env['HOME'] ?? '/',
    HOSTNAME: pod.metadata.name,
    ...(temporary === undefined ? {} : { TMPDIR: temporary.folder }),
    ...input.baseEnv,
    ...Object.fromEntries(own),
    ANNULUS_BIND: podIP,
  };
  const args = rewrite(container.args);
  const command = container.command.length > 0 ? [...rewrite(container.command), ...args] : input.entrypoint(args);
  return { ok: true, command, env };
}
