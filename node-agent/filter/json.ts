/** Sixteen digits in a row: the text may hold an integer that a double cannot. */
const LONG_NUMBER = /\d{16}/;
const INTEGER = /^-?\d+$/;

/** JSON.parse that keeps integers beyond 2^53 as bigint. */
export function parseJson(text: string): unknown {
  if (!LONG_NUMBER.test(text)) return JSON.parse(text);
  return JSON.parse(text, (_key, value: unknown, context?: { source?: string }) => {
    if (typeof value !== 'number' || Number.isSafeInteger(value)) return value;
    const source = context?.source;
    return source !== undefined && INTEGER.test(source) ? BigInt(source) : value;
  });
}

/** Inverse of parseJson: bigints become plain JSON integers. */
export function jsonText(value: unknown): string {
  return JSON.stringify(value, (_key, item: unknown) => (typeof item === 'bigint' ? rawJson(item.toString()) : item));
}

// JSON.rawJSON is in V8 but not yet in TypeScript's library.
const { rawJSON: rawJson } = JSON as unknown as { rawJSON(text: string): unknown };
