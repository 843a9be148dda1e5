import { isObject, jsonEqual } from '../json.ts';
import type { Json, JsonObject } from '../json.ts';
import type { Schema } from '../schema/schema.ts';
import { FieldSet } from './field-set.ts';
import { childSchema, isNamed, itemElement, viewOf, viewOfSchema } from './type-view.ts';
import type { View } from './type-view.ts';

/**
 * Set operations on values guided by their schema (structured merge): which fields a value has, how two values
 * differ, how a configuration merges into an object, and how fields are taken out of one. Pure.
 */

const isEmpty = (value: Json | undefined): boolean =>
  value === undefined ||
  value === null ||
  (Array.isArray(value) ? value.length === 0 : Object.keys(value).length === 0);

const present = (object: JsonObject): [string, Json][] =>
  Object.entries(object).flatMap(([key, value]) => (value === undefined ? [] : [[key, value] as [string, Json]]));

/** A list's items by path element; items that share an element are kept together. */
function index(schema: Schema | undefined, view: View, list: Json | undefined): Map<string, Json[]> {
  const items = new Map<string, Json[]>();
  for (const item of Array.isArray(list) ? list : []) {
    const element = itemElement(schema, view, item);
    const same = items.get(element);
    if (same === undefined) items.set(element, [item]);
    else same.push(item);
  }
  return items;
}

function collect(value: Json, schema: Schema | undefined, path: string[], out: FieldSet): void {
  const view = viewOf(schema, value);
  if (view === 'leaf') {
    if (!(value === null && viewOfSchema(schema) !== 'leaf')) out.insert(path);
    return;
  }
  if (view === 'map') {
    for (const [key, member] of present(value as JsonObject)) {
      const at = [...path, `f:${key}`];
      collect(member, childSchema(schema, `f:${key}`), at, out);
      if (member === null || (isObject(member) && isEmpty(member)) || !isNamed(schema, key)) out.insert(at);
    }
    return;
  }
  for (const [element, items] of index(schema, view, value)) {
    const [item, ...duplicates] = items;
    if (duplicates.length === 0 && item !== undefined)
      collect(item, childSchema(schema, element), [...path, element], out);
    out.insert([...path, element]);
  }
}

/** The fields that a value has, as an applier of it would own them. */
export function fieldSetOf(value: Json, schema: Schema | undefined): FieldSet {
  const out = new FieldSet();
  collect(value, schema, [], out);
  return out;
}

export interface Comparison {
  readonly added: FieldSet;
  readonly modified: FieldSet;
  readonly removed: FieldSet;
}

class Comparer implements Comparison {
  readonly added = new FieldSet();
  readonly modified = new FieldSet();
  readonly removed = new FieldSet();

  walk(before: Json | undefined, after: Json | undefined, schema: Schema | undefined, path: string[]): void {
    const view = this.commonView(before, after, schema);
    if (view === null) {
      // A value changed its shape: everything of the old is gone, everything of the new is new.
      this.walk(before, undefined, schema, path);
      this.walk(undefined, after, schema, path);
      this.modified.insert(path);
      return;
    }
    if (view === 'leaf' || (isEmpty(before) && isEmpty(after))) {
      this.mark(before, after, path);
      return;
    }
    if (view === 'map') this.walkMap(before, after, schema, path);
    else this.walkList(before, after, schema, view, path);
    if (before === undefined) this.added.insert(path);
    else if (after === undefined) this.removed.insert(path);
  }

  private commonView(before: Json | undefined, after: Json | undefined, schema: Schema | undefined): View | null {
    if (before === undefined || before === null) return viewOf(schema, after);
    if (after === undefined || after === null) return viewOf(schema, before);
    const views = [viewOf(schema, before), viewOf(schema, after)];
    return views[0] === views[1] ? (views[0] ?? null) : null;
  }

  private mark(before: Json | undefined, after: Json | undefined, path: string[]): void {
    if (before === undefined) this.added.insert(path);
    else if (after === undefined) this.removed.insert(path);
    else if (!jsonEqual(before, after)) this.modified.insert(path);
  }

  private walkMap(before: Json | undefined, after: Json | undefined, schema: Schema | undefined, path: string[]): void {
    const old = isObject(before) ? before : {};
    const now = isObject(after) ? after : {};
    for (const key of new Set([...Object.keys(old), ...Object.keys(now)])) {
      if (old[key] === undefined && now[key] === undefined) continue;
      this.walk(old[key], now[key], childSchema(schema, `f:${key}`), [...path, `f:${key}`]);
    }
  }

  private walkList(
    before: Json | undefined,
    after: Json | undefined,
    schema: Schema | undefined,
    view: View,
    path: string[],
  ): void {
    const old = index(schema, view, before);
    const now = index(schema, view, after);
    for (const element of new Set([...old.keys(), ...now.keys()])) {
      const was = old.get(element) ?? [];
      const is = now.get(element) ?? [];
      const at = [...path, element];
      if (was.length <= 1 && is.length <= 1) this.walk(was[0], is[0], childSchema(schema, element), at);
      else if (was.length > 1 && is.length > 1) {
        if (!jsonEqual(was, is)) this.modified.insert(at);
      } else if (was.length > 1) {
        if (is[0] !== undefined) this.walk(undefined, is[0], childSchema(schema, element), at);
        this.removed.insert(at);
      } else {
        if (was[0] !== undefined) this.walk(was[0], undefined, childSchema(schema, element), at);
        this.added.insert(at);
      }
    }
  }
}

/** Which fields came, changed and went between two values. */
export function compareTyped(before: Json, after: Json, schema: Schema | undefined): Comparison {
  const comparer = new Comparer();
  comparer.walk(before, after, schema, []);
  return comparer;
}

/** The order of a merged list: the configuration's order, with the live list's own items kept near their place. */
function mergedOrder(live: string[], config: string[]): string[] {
  const inLive = new Set(live);
  const inConfig = new Set(config);
  const shared = config.filter((element) => inLive.has(element));
  const placed = new Set<string>();
  const out: string[] = [];
  const place = (element: string): void => {
    out.push(element);
    placed.add(element);
    if (shared[0] === element) shared.shift();
  };
  let l = 0;
  let c = 0;
  while (l < live.length || c < config.length) {
    const mine = live[l];
    const theirs = config[c];
    if (mine !== undefined && theirs !== undefined) {
      if (mine === theirs) {
        place(mine);
        l += 1;
        c += 1;
        continue;
      }
      if (inConfig.has(mine) && shared[0] !== undefined && shared[0] !== mine) {
        l += 1;
        continue;
      }
    }
    if (mine !== undefined && !inConfig.has(mine)) {
      out.push(mine);
      l += 1;
      continue;
    }
    if (mine !== undefined && placed.has(mine)) l += 1;
    if (theirs !== undefined) {
      place(theirs);
      c += 1;
    }
  }
  return out;
}

/** Merges an applied configuration into a live value: the configuration wins where both speak. */
export function mergeTyped(
  live: Json | undefined,
  config: Json | undefined,
  schema: Schema | undefined,
): Json | undefined {
  if (config === undefined) return live;
  const view = viewOf(schema, config);
  if (live === undefined || view === 'leaf' || viewOf(schema, live) !== view || (isEmpty(live) && isEmpty(config)))
    return config;
  if (view === 'map') {
    const out: JsonObject = { ...(live as JsonObject) };
    for (const [key, value] of present(config as JsonObject)) {
      out[key] = mergeTyped(out[key], value, childSchema(schema, `f:${key}`));
    }
    return out;
  }
  const old = index(schema, view, live);
  const now = index(schema, view, config);
  const liveElements = (live as Json[]).map((item) => itemElement(schema, view, item));
  const configElements = (config as Json[]).map((item) => itemElement(schema, view, item));
  const used = new Map<string, number>();
  return mergedOrder(liveElements, configElements).flatMap((element) => {
    const nth = used.get(element) ?? 0;
    used.set(element, nth + 1);
    const was = old.get(element) ?? [];
    const merged = mergeTyped(
      was.length > 1 && now.has(element) ? undefined : was[nth],
      now.get(element)?.[0],
      childSchema(schema, element),
    );
    return merged === undefined ? [] : [merged];
  });
}

/** The value without the fields of a set. */
export function removeFields(value: Json, remove: FieldSet, schema: Schema | undefined): Json | undefined {
  const view = viewOf(schema, value);
  if (view === 'leaf') return Array.isArray(value) || isObject(value) ? undefined : value;
  const without = (element: string, item: Json): Json | undefined => {
    if (remove.members.has(element)) return undefined;
    const below = remove.children.get(element);
    return below === undefined || below.isEmpty()
      ? item
      : (removeFields(item, below, childSchema(schema, element)) ?? null);
  };
  if (view === 'map') {
    const entries = present(value as JsonObject).flatMap(([key, member]) => {
      const kept = without(`f:${key}`, member);
      return kept === undefined ? [] : [[key, kept] as const];
    });
    return entries.length === 0 ? undefined : Object.fromEntries(entries);
  }
  const items = (value as Json[])
    .map((item) => without(itemElement(schema, view, item), item))
    .filter((item) => item !== undefined);
  return items.length === 0 ? undefined : items;
}
