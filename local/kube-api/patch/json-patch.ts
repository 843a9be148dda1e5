import { asString, cloneJson, isObject, jsonEqual } from '../json.ts';
import type { Json } from '../json.ts';
import { badRequest, failure } from '../status-errors.ts';

/** More operations than this in one patch are refused. */
const MAX_OPERATIONS = 10_000;

/** The real server keeps the reason to itself, and so does this one. */
const cannot = (_why: string): Error =>
  failure(422, 'Invalid', 'the server rejected our request due to an error in our request', {});

function parsePointer(pointer: string): string[] {
  if (pointer === '') return [];
  if (!pointer.startsWith('/'))
    throw badRequest(`error decoding patch: JSON pointer ${JSON.stringify(pointer)} must start with /`);
  return pointer
    .slice(1)
    .split('/')
    .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'));
}

function arrayIndex(list: Json[], key: string, isAdd: boolean): number {
  if (key === '-' && isAdd) return list.length;
  const index = /^(0|[1-9]\d*)$/.test(key) ? Number(key) : Number.NaN;
  if (!(index < list.length + (isAdd ? 1 : 0))) throw cannot(`index ${key} is out of range`);
  return index;
}

function read(document: Json, path: readonly string[]): Json | undefined {
  let at: Json | undefined = document;
  for (const key of path) {
    if (Array.isArray(at)) at = at[arrayIndex(at, key, false)];
    else if (isObject(at)) at = Object.hasOwn(at, key) ? at[key] : undefined;
    else return undefined;
  }
  return at;
}

class Editor {
  document: Json;
  constructor(document: Json) {
    this.document = document;
  }

  add(path: string[], value: Json): void {
    const { parent, key } = this.parentOf(path);
    if (parent === null) this.document = value;
    else if (Array.isArray(parent)) parent.splice(arrayIndex(parent, key, true), 0, value);
    else if (isObject(parent)) parent[key] = value;
  }

  remove(path: string[]): void {
    const { parent, key } = this.parentOf(path);
    if (Array.isArray(parent)) parent.splice(arrayIndex(parent, key, false), 1);
    else if (isObject(parent) && Object.hasOwn(parent, key)) delete parent[key];
    else throw cannot(`remove operation does not apply: doc is missing key: /${path.join('/')}`);
  }

  replace(path: string[], value: Json): void {
    const { parent, key } = this.parentOf(path);
    if (parent === null) this.document = value;
    else if (Array.isArray(parent)) parent[arrayIndex(parent, key, false)] = value;
    else if (isObject(parent)) parent[key] = value;
  }

  private parentOf(path: string[]): { parent: Json; key: string } {
    const key = path.at(-1);
    if (key === undefined) return { parent: null, key: '' };
    const parent = read(this.document, path.slice(0, -1));
    if (parent === undefined || (!Array.isArray(parent) && !isObject(parent))) {
      throw cannot(`operation does not apply: doc is missing path: "/${path.join('/')}": missing value`);
    }
    return { parent, key };
  }
}

/** JSON patch (RFC 6902). All operations apply, or none: 422 when one cannot. Returns a new value. */
export function applyJsonPatch(target: Json, patch: Json): Json {
  if (!Array.isArray(patch))
    throw badRequest(
      'error decoding patch: json: cannot unmarshal object into Go value of type []handlers.jsonPatchOp',
    );
  if (patch.length > MAX_OPERATIONS)
    throw failure(
      413,
      'RequestEntityTooLarge',
      `The allowed maximum operations in a JSON patch is ${MAX_OPERATIONS}, got ${patch.length}`,
    );
  const editor = new Editor(cloneJson(target));
  for (const operation of patch) {
    if (!isObject(operation)) throw badRequest('error decoding patch: each operation must be an object');
    const path = parsePointer(asString(operation['path']));
    const value = cloneJson(operation['value'] ?? null);
    switch (operation['op']) {
      case 'add':
        editor.add(path, value);
        break;
      case 'remove':
        editor.remove(path);
        break;
      case 'replace':
        editor.replace(path, value);
        break;
      case 'test':
        if (!jsonEqual(read(editor.document, path) ?? null, value))
          throw cannot(`testing value /${path.join('/')} failed: test failed`);
        break;
      case 'move':
      case 'copy': {
        const from = parsePointer(asString(operation['from']));
        const moved = read(editor.document, from);
        if (moved === undefined)
          throw cannot(`${operation['op']} operation does not apply: doc is missing path: /${from.join('/')}`);
        if (operation['op'] === 'move') editor.remove(from);
        editor.add(path, cloneJson(moved));
        break;
      }
      default:
        throw cannot(`Unexpected kind: ${asString(operation['op'])}`);
    }
  }
  return editor.document;
}
