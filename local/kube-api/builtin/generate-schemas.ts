/**
 * Writes schemas.json: the types of the built-in kinds that the embedded API server offers, cut out of the
 * OpenAPI v3 documents that Kubernetes publishes (api/openapi-spec/v3 of kubernetes/kubernetes, Apache-2.0).
 * Only for a Kubernetes version bump: `node local/kube-api/builtin/generate-schemas.ts <that folder>`.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { BUILTIN_KINDS } from './kinds.ts';
import { asArray, asObject, asString, isObject } from '../json.ts';
import type { Json, JsonObject } from '../json.ts';

/** Long texts are cut to their first sentence: enough for `kubectl explain`, a third of the size. */
const firstSentence = (text: string): string => /^.*?[.!?](?=\s|$)/s.exec(text)?.[0] ?? text;

const refName = (ref: string): string => ref.replace('#/components/schemas/', '');

function shrink(node: Json | undefined, found: Set<string>): Json {
  if (Array.isArray(node)) return node.map((item) => shrink(item, found));
  if (!isObject(node)) return node ?? null;
  const out: JsonObject = {};
  for (const [key, value] of Object.entries(node)) {
    if (key === 'description' && typeof value === 'string') out[key] = firstSentence(value);
    else if (key === 'properties') {
      // Its keys are names of members, some of them `$ref` or `example`.
      out[key] = Object.fromEntries(Object.entries(asObject(value)).map(([name, of]) => [name, shrink(of, found)]));
    } else if (key === '$ref') {
      found.add(refName(asString(value)));
      out[key] = refName(asString(value));
    } else if (key === 'allOf' && asArray(value).length === 1 && asObject(asArray(value)[0])['$ref'] !== undefined) {
      Object.assign(out, shrink(asArray(value)[0], found));
    } else if (key !== 'example') out[key] = shrink(value, found);
  }
  return out;
}

function main(folder: string): void {
  const all: JsonObject = {};
  const roots = new Set<string>();
  for (const gv of new Set(
    BUILTIN_KINDS.map((kind) => (kind.group === '' ? `api__${kind.version}` : `apis__${kind.group}__${kind.version}`)),
  )) {
    const document = asObject(JSON.parse(readFileSync(join(folder, `${gv}_openapi.json`), 'utf8')));
    Object.assign(all, asObject(asObject(document['components'])['schemas']));
  }
  for (const [name, schema] of Object.entries(all)) {
    for (const gvk of asArray(asObject(schema)['x-kubernetes-group-version-kind']).map(asObject)) {
      const wanted = BUILTIN_KINDS.some(
        (k) => k.group === gvk['group'] && k.version === gvk['version'] && k.kind === gvk['kind'],
      );
      if (wanted) roots.add(name);
    }
  }
  for (const name of [
    'io.k8s.api.autoscaling.v1.Scale',
    'io.k8s.apimachinery.pkg.apis.meta.v1.DeleteOptions',
    'io.k8s.apimachinery.pkg.apis.meta.v1.ListMeta',
  ])
    roots.add(name);
  const kept: JsonObject = {};
  const queue = [...roots];
  for (let name = queue.pop(); name !== undefined; name = queue.pop()) {
    if (kept[name] !== undefined) continue;
    const found = new Set<string>();
    kept[name] = shrink(all[name], found);
    queue.push(...found);
  }
  // A line a type: short, and a diff shows which type changed.
  const lines = Object.keys(kept)
    .sort()
    .map((name) => `${JSON.stringify(name)}: ${JSON.stringify(kept[name])}`);
  const origin =
    'by builtin/generate-schemas.ts from the OpenAPI v3 documents of Kubernetes v1.34 (Apache-2.0); do not edit';
  const text = `{"generated": ${JSON.stringify(origin)},\n"schemas": {\n${lines.join(',\n')}\n}}`;
  writeFileSync(new URL('./schemas.json', import.meta.url), `${text}\n`);
}

main(process.argv[2] ?? '.');
