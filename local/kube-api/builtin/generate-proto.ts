/**
 * Writes proto-fields.json: field numbers of the built-in types in Kubernetes' protobuf encoding, which kubectl uses
 * for what it creates by itself (`kubectl create configmap`). Cut out of the generated.proto files that Kubernetes
 * publishes (k8s.io/api and k8s.io/apimachinery, Apache-2.0).
 * Only for a version bump: `node local/kube-api/builtin/generate-proto.ts <k8s.io/api> <k8s.io/apimachinery>`.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { BUILTIN_KINDS } from './kinds.ts';

/** Name and type by number: `[name, type]`; `*` before a type repeats it, `{type` is a map from string. */
type Message = Record<string, [string, string]>;

const FIELD = /^\s*(optional|repeated)?\s*(map<string,\s*([\w.]+)>|[\w.]+)\s+(\w+)\s*=\s*(\d+);/;

function parse(text: string, into: Map<string, Message>): void {
  const prefix = /^package ([\w.]+);/m.exec(text)?.[1] ?? '';
  const resolve = (type: string): string => {
    if (type.startsWith('.')) return type.slice(1);
    return /^[A-Z]/.test(type) ? `${prefix}.${type}` : type;
  };
  for (const [, name = '', body = ''] of text.matchAll(/^message (\w+) \{\n([\s\S]*?)^\}/gm)) {
    const message: Message = {};
    for (const line of body.split('\n')) {
      const match = FIELD.exec(line);
      if (match === null) continue;
      const [, label, type = '', mapValue, field = '', number = ''] = match;
      const mark = mapValue !== undefined ? '{' : label === 'repeated' ? '*' : '';
      message[number] = [field, `${mark}${resolve(mapValue ?? type)}`];
    }
    into.set(`${prefix}.${name}`, message);
  }
}

function main(api: string, machinery: string): void {
  const all = new Map<string, Message>();
  const groups = new Set(
    BUILTIN_KINDS.map(({ group, version }) => `${group === '' ? 'core' : (group.split('.')[0] ?? '')}/${version}`),
  );
  const files = [
    ...[...groups, 'autoscaling/v1'].map((folder) => join(api, folder, 'generated.proto')),
    ...['pkg/apis/meta/v1', 'pkg/runtime', 'pkg/util/intstr', 'pkg/api/resource'].map((folder) =>
      join(machinery, folder, 'generated.proto'),
    ),
  ];
  for (const file of files) if (existsSync(file)) parse(readFileSync(file, 'utf8'), all);
  const kept: Record<string, Message> = {};
  const queue = BUILTIN_KINDS.map(
    ({ group, version, kind }) =>
      `k8s.io.api.${group === '' ? 'core' : (group.split('.')[0] ?? '')}.${version}.${kind}`,
  );
  queue.push(
    'k8s.io.api.autoscaling.v1.Scale',
    'k8s.io.apimachinery.pkg.apis.meta.v1.DeleteOptions',
    'k8s.io.apimachinery.pkg.runtime.Unknown',
  );
  for (let name = queue.pop(); name !== undefined; name = queue.pop()) {
    const message = all.get(name);
    if (message === undefined || kept[name] !== undefined) continue;
    kept[name] = message;
    queue.push(...Object.values(message).map(([, type]) => type.replace(/^[*{]/, '')));
  }
  const lines = Object.keys(kept)
    .sort()
    .map((name) => `${JSON.stringify(name)}: ${JSON.stringify(kept[name])}`);
  const origin =
    'by builtin/generate-proto.ts from the generated.proto files of Kubernetes v1.34 (Apache-2.0); do not edit';
  writeFileSync(
    new URL('./proto-fields.json', import.meta.url),
    `{"generated": ${JSON.stringify(origin)},\n"messages": {\n${lines.join(',\n')}\n}}\n`,
  );
}

main(process.argv[2] ?? '.', process.argv[3] ?? '.');
