/**
 * Guards against a stale cache (G10): after a write the object's new resourceVersion is remembered, and nothing is
 * planned from the cache until it has that version or a later one. In memory only: a restart begins with a fresh list.
 */
export class Expectations {
  readonly #expected = new Map<string, { version: bigint; since: number }>();

  /** The cache must reach this version of the object. */
  expect(key: string, resourceVersion: string | undefined, now: number): void {
    const version = parse(resourceVersion);
    if (version !== undefined) this.#expected.set(key, { version, since: now });
  }

  /**
   * True when the cache may be believed. `cached` is the resourceVersion in the cache; undefined when the object is not
   * there. After MAX_WAIT_MS the expectation is dropped: optimistic locking still refuses a write from stale data.
   */
  met(key: string, cached: string | undefined, now: number): boolean {
    const expected = this.#expected.get(key);
    if (expected === undefined) return true;
    const version = parse(cached);
    const reached = version !== undefined && version >= expected.version;
    if (!reached && now - expected.since < MAX_WAIT_MS) return false;
    this.#expected.delete(key);
    return true;
  }

  /** Forgets an object that is gone. */
  forget(key: string): void {
    this.#expected.delete(key);
  }
}

export const MAX_WAIT_MS = 30_000;

/** resourceVersions of one resource are decimal and grow (KEP-5504); any other form gives no expectation. */
function parse(resourceVersion: string | undefined): bigint | undefined {
  return resourceVersion !== undefined && /^\d{1,20}$/.test(resourceVersion) ? BigInt(resourceVersion) : undefined;
}
