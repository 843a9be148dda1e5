import type { Transferable } from 'node:worker_threads';
import { AnnulusError, errorToWire, type WireError } from '#model/errors.ts';
import { dispatch } from './dispatch.ts';
import { isDamage, isDiskFull } from './damaged.ts';
import {
  BACKGROUND_REST_MS,
  BUSY_SLICE_MS,
  GROUP_COMMIT_MAX_BYTES,
  REPLY_FLUSH_MS,
  SLICE_MS,
  SNAPSHOT_CHECK_EVERY_MS,
} from './limits.ts';
import type { Reply, Request, WorkerMessage, WorkerStart } from './messages.ts';
import { OpenCopies, type Open } from './open-copies.ts';

type Post = (message: WorkerMessage, transfer: Transferable[]) => void;

interface Waiting {
  replies: Reply[];
  bytes: number;
}

/** Calls that wait while too many vectors wait for the graph. */
const WRITES: ReadonlySet<Request['method']> = new Set(['append', 'apply', 'ingestRange', 'ingestEntries']);

const ASIDE: ReadonlySet<Request['method']> = new Set([
  'digest',
  'digestBuckets',
  'readRange',
  'beginImport',
  'resumeImport',
  'offerGraph',
  'importGraph',
  'finishImport',
]);

/** The loop of a worker: takes all queued calls of a turn, does them in order, commits once a copy, answers; builds indexes between turns. */
export class ShardWorker {
  readonly #post: Post;
  readonly #copies: OpenCopies;
  #queue: Request[] = [];
  #turnDue = false;
  #backgroundDue = false;
  #replies: Reply[] = [];
  #transfer: Transferable[] = [];
  /** Answers that wait for the commit of their shard. */
  #uncommitted = new Map<string, Waiting>();
  #lastFlushMs = 0;

  constructor(start: WorkerStart, post: Post) {
    this.#post = post;
    this.#copies = new OpenCopies(start, (level, fields, text) => post({ type: 'log', level, fields, text }, []));
    setInterval(
      () => {
        for (const [, { snapshots }] of this.#copies) snapshots.startIfDue(performance.now());
        this.#scheduleBackground();
      },
      Math.min(SNAPSHOT_CHECK_EVERY_MS, start.tuning.snapshotEveryMs ?? Infinity),
    );
  }

  receive(requests: Request[]): void {
    for (const request of requests) this.#queue.push(request);
    this.#schedule();
  }

  #schedule(): void {
    if (this.#turnDue) return;
    this.#turnDue = true;
    setImmediate(() => {
      this.#turnDue = false;
      this.#turn();
    });
  }

  #turn(): void {
    const requests = this.#queue;
    this.#queue = [];
    this.#lastFlushMs = performance.now();
    for (const request of requests) {
      if (!this.#park(request)) this.#serve(request);
      if (this.#uncommitted.size === 0 && performance.now() - this.#lastFlushMs > REPLY_FLUSH_MS) this.#flush();
    }
    for (const [shard, { copy }] of [...this.#copies]) if (copy.store.inTransaction) this.#commit(shard);
    this.#flush();
    this.#scheduleBackground();
  }

  /** Writes wait when the index lags, in order; reads go on. */
  #park(request: Request): boolean {
    if (!WRITES.has(request.method)) return false;
    const open = this.#copies.find(String(request.args[0]));
    if (open === undefined || (open.parked.length === 0 && !open.copy.index.full)) return false;
    open.parked.push(request);
    return true;
  }

  #scheduleBackground(): void {
    if (this.#backgroundDue) return;
    if (
      this.#busy().length === 0 &&
      ![...this.#copies].some(([, open]) => open.parked.length > 0 && !open.copy.index.full)
    )
      return;
    this.#backgroundDue = true;
    setImmediate(() => {
      this.#backgroundDue = false;
      this.#background();
      this.#scheduleBackground();
    });
  }

  #busy(): [string, Open][] {
    const nowMs = performance.now();
    return [...this.#copies].filter(([, { copy, restUntilMs }]) => restUntilMs <= nowMs && copy.hasWork());
  }

  /** One slice of index building, shared by the copies that have some to do; only between transactions. */
  #background(): void {
    const busy = this.#busy();
    const slice = (this.#queue.length > 0 ? BUSY_SLICE_MS : SLICE_MS) / busy.length;
    for (const [shard, open] of busy) {
      try {
        open.copy.work(slice);
        if (open.copy.store.inTransaction) open.copy.commit();
      } catch (error) {
        // Tried again later: a full disk does not get better by asking at once.
        open.restUntilMs = performance.now() + BACKGROUND_REST_MS;
        this.#post(
          { type: 'log', level: 'error', fields: { shard }, text: `background work failed: ${String(error)}` },
          [],
        );
        this.#abandon(shard, open, [], error);
        if (this.#copies.find(shard) === open && !isDiskFull(error)) this.#rebuildIndex(shard, open);
      }
    }
    for (const [, open] of this.#copies) {
      if (open.parked.length === 0 || open.copy.index.full) continue;
      this.#queue.unshift(...open.parked.splice(0));
      this.#schedule();
    }
  }

  /** For an index that does not fit its database. */
  #rebuildIndex(shard: string, open: Open): void {
    try {
      open.copy.rebuildIndex();
    } catch (error) {
      this.#fail(shard, error instanceof Error ? error.message : String(error), isDamage(error));
    }
  }

  #serve(request: Request): void {
    const shard = typeof request.args[0] === 'string' ? request.args[0] : null;
    // These look at the file through another connection, or end transactions themselves.
    if (shard !== null && ASIDE.has(request.method) && this.#uncommitted.has(shard)) this.#commit(shard);
    if (request.method === 'close') this.#leave(request.args[0]);
    if (request.method === 'shutdown') for (const [name] of [...this.#copies]) this.#leave(name);
    try {
      const result = dispatch(this.#copies, request);
      if (result instanceof Promise) this.#later(shard, request.id, result);
      else this.#answer(shard, { id: request.id, ok: true, result });
    } catch (error) {
      const open = shard === null ? undefined : this.#copies.find(shard);
      this.#answer(shard, { id: request.id, ok: false, error: this.#explain(shard, error) });
      // Anything but a refusal may have left half a write in the transaction.
      if (!(error instanceof AnnulusError) && shard !== null && open?.copy.store.inTransaction) {
        this.#abandon(shard, open, this.#take(shard), error);
      }
    }
  }

  #later(shard: string | null, id: number, result: Promise<unknown>): void {
    result
      .then(
        (value) => this.#replies.push({ id, ok: true, result: value }),
        (error: unknown) => this.#replies.push({ id, ok: false, error: this.#explain(shard, error) }),
      )
      .finally(() => {
        this.#flush();
        this.#scheduleBackground();
      })
      .catch(() => undefined);
  }

  /** Before a copy closes: what it was given is committed, what was parked is refused. */
  #leave(shard: string): void {
    const open = this.#copies.find(shard);
    if (open === undefined) return;
    if (open.copy.store.inTransaction) this.#commit(shard);
    const error: WireError = { code: 'ANN_SHARD_UNAVAILABLE', message: `shard ${shard} is being closed on this node` };
    for (const { id } of open.parked.splice(0)) this.#replies.push({ id, ok: false, error });
  }

  /** A call on a shard with an open transaction is answered after the commit: it may have seen what is not on disk yet. */
  #answer(shard: string | null, reply: Reply): void {
    if (shard === null || this.#copies.find(shard)?.copy.store.inTransaction !== true) {
      this.#replies.push(reply);
      return;
    }
    const waiting = this.#uncommitted.get(shard) ?? { replies: [], bytes: 0 };
    this.#uncommitted.set(shard, waiting);
    waiting.replies.push(reply);
    if (reply.ok && hasEntries(reply.result)) waiting.bytes += reply.result.entries.byteLength;
    if (waiting.bytes > GROUP_COMMIT_MAX_BYTES) this.#commit(shard);
  }

  #take(shard: string): Reply[] {
    const waiting = this.#uncommitted.get(shard);
    this.#uncommitted.delete(shard);
    return waiting?.replies ?? [];
  }

  #commit(shard: string): void {
    const open = this.#copies.find(shard);
    const waiting = this.#take(shard);
    if (open === undefined) return;
    try {
      open.copy.commit();
    } catch (error) {
      this.#abandon(shard, open, waiting, error);
      return;
    }
    for (const reply of waiting) {
      if (reply.ok && hasEntries(reply.result)) this.#transfer.push(reply.result.entries.buffer as ArrayBuffer);
      this.#replies.push(reply);
    }
  }

  /** The turn's transaction could not be committed: nothing of it happened, all its calls fail. */
  #abandon(shard: string, open: Open, waiting: Reply[], cause: unknown): void {
    const error = this.#explain(shard, cause);
    for (const { id } of waiting) this.#replies.push({ id, ok: false, error });
    if (this.#copies.find(shard) !== open) return;
    try {
      open.copy.rollback();
    } catch (second) {
      // Not for good unless it is damaged: after a disk that was full it is opened again.
      this.#fail(shard, second instanceof Error ? second.message : String(second), isDamage(second));
    }
  }

  #explain(shard: string | null, error: unknown): WireError {
    if (error instanceof AnnulusError) return errorToWire(error);
    if (shard !== null && isDamage(error)) {
      const message = error instanceof Error ? error.message : String(error);
      this.#fail(shard, message);
      return { code: 'ANN_SHARD_UNAVAILABLE', message: `this copy of shard ${shard} is damaged: ${message}` };
    }
    if (isDiskFull(error)) {
      return errorToWire(this.#copies.disk.full(shard ?? ''));
    }
    return errorToWire(error);
  }

  /** A damaged copy is marked and closed; the node reports it, another copy replaces it. */
  #fail(shard: string, message: string, damaged = true): void {
    const open = this.#copies.find(shard);
    if (open === undefined) return;
    const error: WireError = {
      code: 'ANN_SHARD_UNAVAILABLE',
      message: `this copy of shard ${shard} ${damaged ? 'is damaged' : 'had to be closed'}: ${message}`,
    };
    for (const { id } of [...this.#take(shard), ...open.parked.splice(0)]) this.#replies.push({ id, ok: false, error });
    try {
      this.#copies.fail(shard, message, damaged);
    } finally {
      this.#post({ type: 'failed', shard, message }, []);
      this.#flush();
    }
  }

  #flush(): void {
    this.#lastFlushMs = performance.now();
    if (this.#replies.length === 0) return;
    const replies = this.#replies;
    const transfer = this.#transfer;
    this.#replies = [];
    this.#transfer = [];
    this.#post({ type: 'replies', replies }, transfer);
  }
}

function hasEntries(result: unknown): result is { entries: Uint8Array } {
  return typeof result === 'object' && result !== null && 'entries' in result && result.entries instanceof Uint8Array;
}
