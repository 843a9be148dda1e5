import type { Transferable } from 'node:worker_threads';
import { AnnulusError, errorToWire } from '#model/errors.ts';
import type { ShardCopy } from './copy.ts';
import { isDamage, isDiskFull } from './damaged.ts';
import { GROUP_COMMIT_MAX_BYTES, REPLY_FLUSH_MS } from './limits.ts';
import type { Reply, Request, WorkerMessage, WorkerStart } from './messages.ts';
import { markFailed, openCopy } from './open-copy.ts';
import { unpackWrite } from './pack.ts';
import { retrieve, scroll } from './read.ts';
import { search } from './search.ts';
import type { OpenCopy } from './shard-host.ts';

type Post = (message: WorkerMessage, transfer: Transferable[]) => void;

interface Open {
  copy: ShardCopy;
  options: OpenCopy;
}

/** The loop of a worker: takes all queued calls of a turn, does them in order, commits once a copy, answers. */
export class ShardWorker {
  readonly #start: WorkerStart;
  readonly #post: Post;
  #open = new Map<string, Open>();
  #queue: Request[] = [];
  #scheduled = false;
  #replies: Reply[] = [];
  #transfer: Transferable[] = [];
  /** Calls whose answers wait for the commit of their shard. */
  #uncommitted = new Map<string, { replies: Reply[]; bytes: number }>();
  #lastFlush = 0;

  constructor(start: WorkerStart, post: Post) {
    this.#start = start;
    this.#post = post;
  }

  receive(requests: Request[]): void {
    for (const request of requests) this.#queue.push(request);
    this.#schedule();
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      this.#turn();
    });
  }

  #turn(): void {
    const requests = this.#queue;
    this.#queue = [];
    this.#lastFlush = performance.now();
    for (const request of requests) {
      this.#serve(request);
      if (this.#uncommitted.size === 0 && performance.now() - this.#lastFlush > REPLY_FLUSH_MS) this.#flush();
    }
    this.#commitAll();
    this.#flush();
  }

  #serve(request: Request): void {
    const shard = typeof request.args[0] === 'string' ? request.args[0] : null;
    try {
      const result = this.#do(request);
      this.#answer(shard, { id: request.id, ok: true, result });
    } catch (error) {
      const open = shard === null ? undefined : this.#open.get(shard);
      this.#answer(shard, { id: request.id, ok: false, error: this.#explain(shard, error) });
      // Anything but a refusal may have left half a write in the transaction.
      if (!(error instanceof AnnulusError) && shard !== null && open?.copy.store.inTransaction) {
        const waiting = this.#uncommitted.get(shard)?.replies ?? [];
        this.#uncommitted.delete(shard);
        this.#abandon(shard, open, waiting, error);
      }
    }
  }

  /** A call on a shard with an open transaction is answered after the commit: it may have seen what is not on disk yet. */
  #answer(shard: string | null, reply: Reply): void {
    const open = shard === null ? undefined : this.#open.get(shard);
    if (shard === null || open === undefined || !open.copy.store.inTransaction) {
      this.#replies.push(reply);
      return;
    }
    const waiting = this.#uncommitted.get(shard) ?? { replies: [], bytes: 0 };
    waiting.replies.push(reply);
    this.#uncommitted.set(shard, waiting);
    if (reply.ok && isAppended(reply.result)) waiting.bytes += reply.result.entries.byteLength;
    if (waiting.bytes > GROUP_COMMIT_MAX_BYTES) this.#commit(shard);
  }

  #commitAll(): void {
    for (const [shard, { copy }] of this.#open) if (copy.store.inTransaction) this.#commit(shard);
  }

  #commit(shard: string): void {
    const open = this.#open.get(shard);
    const waiting = this.#uncommitted.get(shard)?.replies ?? [];
    this.#uncommitted.delete(shard);
    if (open === undefined) return;
    try {
      open.copy.store.commit();
      for (const reply of waiting) {
        if (reply.ok && isAppended(reply.result)) this.#transfer.push(reply.result.entries.buffer as ArrayBuffer);
        this.#replies.push(reply);
      }
    } catch (error) {
      this.#abandon(shard, open, waiting, error);
    }
  }

  /** The turn's transaction could not be committed: nothing of it happened, all its calls fail. */
  #abandon(shard: string, open: Open, waiting: Reply[], cause: unknown): void {
    const error = this.#explain(shard, cause);
    for (const { id } of waiting) this.#replies.push({ id, ok: false, error });
    if (!this.#open.has(shard)) return;
    try {
      open.copy.store.rollback();
      open.copy.reconcile();
    } catch (second) {
      this.#fail(shard, second instanceof Error ? second.message : String(second));
    }
  }

  #explain(shard: string | null, error: unknown): ReturnType<typeof errorToWire> {
    if (error instanceof AnnulusError) return errorToWire(error);
    if (shard !== null && isDamage(error)) {
      const message = error instanceof Error ? error.message : String(error);
      this.#fail(shard, message);
      return { code: 'ANN_SHARD_UNAVAILABLE', message: `this copy of shard ${shard} is damaged: ${message}` };
    }
    if (isDiskFull(error))
      return { code: 'ANN_DISK_FULL', message: `the disk of shard ${shard} is full; delete points or add disk` };
    return errorToWire(error);
  }

  /** A damaged copy is closed and marked; the node reports it, another copy replaces it. */
  #fail(shard: string, message: string): void {
    const open = this.#open.get(shard);
    if (open === undefined) return;
    this.#open.delete(shard);
    const waiting = this.#uncommitted.get(shard)?.replies ?? [];
    this.#uncommitted.delete(shard);
    const error = {
      code: 'ANN_SHARD_UNAVAILABLE' as const,
      message: `this copy of shard ${shard} is damaged: ${message}`,
    };
    for (const { id } of waiting) this.#replies.push({ id, ok: false, error });
    try {
      open.copy.store.close();
      markFailed(this.#start.dataDir, open.options, message);
    } finally {
      this.#post({ type: 'failed', shard, message }, []);
    }
  }

  #flush(): void {
    this.#lastFlush = performance.now();
    if (this.#replies.length === 0) return;
    const replies = this.#replies;
    const transfer = this.#transfer;
    this.#replies = [];
    this.#transfer = [];
    this.#post({ type: 'replies', replies }, transfer);
  }

  #copy(shard: string): ShardCopy {
    const open = this.#open.get(shard);
    if (open) return open.copy;
    throw new AnnulusError('ANN_SHARD_UNAVAILABLE', `shard ${shard} is not open on this node; ask another copy`);
  }

  #do(request: Request): unknown {
    switch (request.method) {
      case 'open': {
        const [options] = request.args;
        const { copy, result } = openCopy(this.#start.dataDir, options);
        if (copy) this.#open.set(options.shard, { copy, options });
        return result;
      }
      case 'configure':
        Object.assign(this.#copy(request.args[0]).settings, request.args[1]);
        return undefined;
      case 'close':
        return this.#close(request.args[0]);
      case 'append':
        return this.#copy(request.args[0]).append(request.args[1], request.args[2].map(unpackWrite));
      case 'apply':
        return this.#copy(request.args[0]).apply(request.args[1], request.args[2]);
      case 'readLog':
        return this.#copy(request.args[0]).readLog(request.args[1], request.args[2]);
      case 'trimLog':
        this.#copy(request.args[0]).trimLog(request.args[1]);
        return undefined;
      case 'search':
        return search(this.#copy(request.args[0]), request.args[1]);
      case 'retrieve':
        return retrieve(this.#copy(request.args[0]), request.args[1], request.args[2]);
      case 'scroll':
        return scroll(this.#copy(request.args[0]), request.args[1]);
      case 'count':
        return this.#copy(request.args[0]).count(request.args[1]);
      case 'stats':
        return { ...this.#copy(request.args[0]).stats(), bytes: 0 };
      case 'shutdown':
        for (const shard of [...this.#open.keys()]) this.#close(shard);
        return undefined;
      case 'openExport':
      case 'readExport':
      case 'closeExport':
      case 'beginImport':
      case 'importBatch':
      case 'finishImport':
      case 'digest':
        throw new AnnulusError('ANN_INTERNAL', `${request.method} is not built yet`);
    }
  }

  #close(shard: string): undefined {
    const open = this.#open.get(shard);
    if (open === undefined) return;
    if (open.copy.store.inTransaction) this.#commit(shard);
    this.#open.delete(shard);
    open.copy.store.close();
  }
}

function isAppended(result: unknown): result is { entries: Uint8Array } {
  return typeof result === 'object' && result !== null && 'entries' in result && result.entries instanceof Uint8Array;
}
