/** A payload path, cut into keys, indexes `[3]`, and `[]` for every element. */
export interface Path {
  steps: ({ key: string } | { index: number } | { every: true })[];
}

const MAX_PATH_CHARS = 512;
const BARE_KEY = /[^.[\]"]+/y;
const QUOTED_KEY = /"([^"\\]|\\.)*"/y;
const INDEX = /\[(\d{0,9})\]/y;

/** Cuts `a.b`, `a[].b`, `a[0]`, `"dotted.key".b`; null when the text is no path. */
export function parsePath(text: string): Path | null {
  if (text.length === 0 || text.length > MAX_PATH_CHARS) return null;
  const steps: Path['steps'] = [];
  let at = 0;
  const take = (pattern: RegExp): RegExpExecArray | null => {
    pattern.lastIndex = at;
    const found = pattern.exec(text);
    if (found) at = pattern.lastIndex;
    return found;
  };
  for (;;) {
    const quoted = text[at] === '"';
    const key = take(quoted ? QUOTED_KEY : BARE_KEY);
    if (key === null) return null;
    steps.push({ key: quoted ? key[0].slice(1, -1).replaceAll(/\\(.)/g, '$1') : key[0] });
    while (text[at] === '[') {
      const index = take(INDEX);
      if (index === null) return null;
      steps.push(index[1] === '' ? { every: true } : { index: Number(index[1]) });
    }
    if (at === text.length) return { steps };
    if (text[at] !== '.') return null;
    at++;
  }
}

/** Values at a path: none when something on the way is missing. An array at the end is one value. */
export function valuesAt(value: unknown, path: Path, from = 0): unknown[] {
  let current: unknown = value;
  for (let i = from; i < path.steps.length; i++) {
    const step = path.steps[i]!;
    if ('key' in step) {
      if (!isObject(current) || !Object.hasOwn(current, step.key)) return [];
      current = current[step.key];
    } else {
      if (!Array.isArray(current)) return [];
      if ('every' in step) return current.flatMap((item: unknown) => valuesAt(item, path, i + 1));
      if (step.index >= current.length) return [];
      current = current[step.index];
    }
  }
  return [current];
}

/** Values at a path with arrays at the end taken apart: what conditions look at. */
export function leavesAt(value: unknown, path: Path): unknown[] {
  const values = valuesAt(value, path);
  return values.some(Array.isArray) ? values.flat(1) : values;
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
