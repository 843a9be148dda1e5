import { AnnulusError } from '#model/errors.ts';
import { SLOTS, slotOf, type Slots } from '#model/slot.ts';
import { PointsDigest } from '#node-agent/shard/digest.ts';
import { encodeBatch } from '#node-agent/shard/export-codec.ts';
import { ingestEntries, ingestRange } from '#node-agent/shard/ingest.ts';
import type { LogOperation } from '#node-agent/shard/operations.ts';
import { importBatch, resumeImport } from '#node-agent/shard/import.ts';
import { rangeRows } from '#node-agent/shard/range.ts';
import type { ShardHits, ShardHost, ShardPoint } from '#node-agent/shard/shard-host.ts';
import { diskReserve } from '#model/disk.ts';
import { CopyFile, type SimRow } from './copy-file.ts';
import type { SimDisk } from './disk.ts';
import type { Kernel, Process } from './kernel.ts';
import { DamageFound, MemoryCopy } from './memory-copy.ts';

/** Told of every entry that a primary of this node appends. */
export type OnAppended = (shard: string, uid: string, term: number, seqNo: number, operation: LogOperation) => void;

interface Call {
  run: (copy: MemoryCopy) => unknown;
  resolve: (value: never) => void;
  reject: (error: Error) => void;
}

interface Open {
  copy: MemoryCopy;
  key: string;
  queue: Call[];
  busy: boolean;
  /** Calls of a turn whose commit is under way. */
  committing: Call[];
  dead: boolean;
}

type Exit = (shards: string[], error: Error) => void;

const SYNC_MS = 2;
const DISK_BYTES = 10 * 1024 ** 3;

/** The worker threads of one node: calls of one shard in order, one commit for all that is queued, answers after it. */
export class SimShardHost {
  #open = new Map<string, Open>();
  #exits: Exit[] = [];
  readonly #kernel: Kernel;
  readonly #process: Process;
  readonly #disk: SimDisk;
  readonly #onAppended: OnAppended;
  checksTerm = true;

  constructor(kernel: Kernel, process: Process, disk: SimDisk, onAppended: OnAppended) {
    this.#kernel = kernel;
    this.#process = process;
    this.#disk = disk;
    this.#onAppended = onAppended;
  }

  /** As the node-agent takes it: calls by name on this object. */
  asShardHost(): ShardHost {
    return this as unknown as ShardHost;
  }

  open(options: Parameters<ShardHost['open']>[0]): ReturnType<ShardHost['open']> {
    const { shard, shardUid, allocationId, settings, create } = options;
    return this.#later(() => {
      if (this.#open.has(shard)) throw new AnnulusError('ANN_CONFLICT', `shard ${shard} is open already on this node`);
      const key = `${shardUid}/${allocationId}`;
      const exists = this.#disk.copies.get(key);
      if (exists === undefined && !create) return { state: 'missing' as const };
      const file = exists ?? new CopyFile(shardUid);
      if (file.failedMark !== '') return { state: 'failed' as const, message: file.failedMark };
      this.#disk.copies.set(key, file);
      const copy = new MemoryCopy(file, { ...settings }, (term, seqNo, operation) =>
        this.#onAppended(shard, shardUid, term, seqNo, operation),
      );
      copy.checksTerm = this.checksTerm;
      this.#open.set(shard, { copy, key, queue: [], busy: false, committing: [], dead: false });
      return { state: 'open' as const, created: exists === undefined, ...copy.position };
    });
  }

  configure(shard: string, settings: object): Promise<void> {
    return this.#call(shard, (copy) => void Object.assign(copy.settings, settings));
  }

  close(shard: string): Promise<void> {
    this.#open.delete(shard);
    return Promise.resolve();
  }

  destroy(shardUid: string, allocationId: string): Promise<void> {
    const key = `${shardUid}/${allocationId}`;
    return this.#later(() => {
      for (const [shard, open] of this.#open) if (open.key === key) this.#open.delete(shard);
      this.#disk.copies.delete(key);
    });
  }

  append(shard: string, term: number, writes: Parameters<ShardHost['append']>[2]): ReturnType<ShardHost['append']> {
    return this.#call(shard, (copy) => {
      if (writes.some(({ type }) => type !== 'delete')) this.#checkDisk();
      return this.#whole(copy).append(term, writes);
    });
  }

  apply(shard: string, term: number, entries: Uint8Array): ReturnType<ShardHost['apply']> {
    return this.#call(shard, (copy) => this.#streaming(copy).apply(term, entries));
  }

  readLog(shard: string, from: number, maxBytes: number): ReturnType<ShardHost['readLog']> {
    return this.#call(shard, (copy) => this.#streaming(copy).readLog(from, maxBytes));
  }

  trimLog(shard: string, below: number): Promise<void> {
    return this.#call(shard, (copy) => this.#streaming(copy).trimLog(below));
  }

  logTerm(shard: string, seqNo: number): Promise<number | null> {
    return this.#call(shard, (copy) => this.#streaming(copy).logTerm(seqNo));
  }

  /** Every point is as near as any other: what is found is what is there. */
  search(shard: string, search: Parameters<ShardHost['search']>[1]): Promise<ShardHits> {
    return this.#call(shard, (copy) => {
      const rows = this.#whole(copy).all().slice(0, search.limit);
      const ids = Array.from({ length: search.count }, () => rows.map((row) => row.id)).flat();
      const payloads = Array.from({ length: search.count }, () => rows.map((row) => row.payload)).flat();
      const offsets = Uint32Array.from({ length: search.count + 1 }, (_, i) => i * rows.length);
      return { offsets, ids, scores: new Float32Array(ids.length).fill(1), payloads, vectors: null };
    });
  }

  retrieve(shard: string, ids: Parameters<ShardHost['retrieve']>[1]): Promise<ShardPoint[]> {
    return this.#call(shard, (copy) => ids.flatMap((id) => this.#whole(copy).point(id) ?? []).map(toPoint));
  }

  scroll(shard: string, scroll: Parameters<ShardHost['scroll']>[1]): ReturnType<ShardHost['scroll']> {
    return this.#call(shard, (copy) => {
      const { from, limit } = scroll;
      const rows = this.#whole(copy)
        .all()
        .filter((row) => from === null || row.id >= from);
      return { points: rows.slice(0, limit).map(toPoint), more: rows.length > limit };
    });
  }

  count(shard: string): Promise<number> {
    return this.#call(shard, (copy) => this.#whole(copy).file.meta.points);
  }

  stats(shard: string): ReturnType<ShardHost['stats']> {
    return this.#call(shard, (copy) => {
      const { points } = copy.file.meta;
      const logFromSeqNo = copy.file.logFrom;
      const sizes = { indexedPoints: points, bytes: 4_096 + points * 100, memoryBytes: 0, deletedInGraph: 0 };
      return { ...copy.position, points, ...sizes, logFromSeqNo };
    });
  }

  beginImport(...[shard, session, from]: Parameters<ShardHost['beginImport']>): Promise<void> {
    return this.#call(shard, (copy) => {
      copy.importSession = session;
      copy.clear(from);
    });
  }

  resumeImport(...[shard, session]: Parameters<ShardHost['resumeImport']>): ReturnType<ShardHost['resumeImport']> {
    return this.#call(shard, (copy) => resumeImport({ copy } as never, session));
  }

  importBatch(...[shard, session, part]: Parameters<ShardHost['importBatch']>): ReturnType<ShardHost['importBatch']> {
    return this.#call(shard, (copy) => {
      this.#checkDisk();
      return importBatch({ copy } as never, session, part);
    });
  }

  finishImport(...[shard, session, moment]: Parameters<ShardHost['finishImport']>): Promise<void> {
    return this.#call(shard, (copy) => {
      const state = copy.import;
      if (state === null) throw new AnnulusError('ANN_CONFLICT', 'no import is running; begin one');
      if (copy.importSession !== session) throw new AnnulusError('ANN_CONFLICT', `import session ${session} is over`);
      if (!state.complete) copy.finishImport({ ...state, sourceSeqNo: moment.seqNo, sourceTerm: moment.term });
    });
  }

  digest(shard: string, slots?: Slots): ReturnType<ShardHost['digest']> {
    return this.#call(shard, (copy) => {
      const rows = this.#streaming(copy)
        .all()
        .filter((row) => slots === undefined || within(slots, row));
      return { seqNo: copy.position.seqNo, points: rows.length, digest: digestOf(rows) };
    });
  }

  digestBuckets(shard: string, buckets: number): ReturnType<ShardHost['digestBuckets']> {
    return this.#call(shard, (copy) => {
      const parts = Array.from({ length: buckets }, () => new PointsDigest());
      for (const row of this.#streaming(copy).all())
        addRow(parts[Math.floor((slotOf(row.id) * buckets) / SLOTS)]!, row);
      return { seqNo: copy.position.seqNo, digests: parts.map((part) => part.text()) };
    });
  }

  readRange(
    ...[shard, slots, afterKey, limit]: Parameters<ShardHost['readRange']>
  ): ReturnType<ShardHost['readRange']> {
    return this.#call(shard, (copy) => {
      const source = this.#whole(copy).rows as never;
      const after = afterKey && new Uint8Array(afterKey);
      const { rows, lastKey, done } = rangeRows(source, slots, after, Math.min(limit, BATCH_ROWS));
      const { seqNo, term } = copy.position;
      return { batch: encodeBatch(rows), points: rows.length, lastKey, done, seqNo, term: copy.logTerm(seqNo) ?? term };
    });
  }

  ingestRange(...[shard, term, range]: Parameters<ShardHost['ingestRange']>): ReturnType<ShardHost['append']> {
    return this.#call(shard, (copy) => {
      this.#checkDisk();
      return ingestRange(this.#whole(copy) as never, term, range);
    });
  }

  ingestEntries(...[shard, term, ingest]: Parameters<ShardHost['ingestEntries']>): ReturnType<ShardHost['append']> {
    return this.#call(shard, (copy) => {
      this.#checkDisk();
      return ingestEntries(this.#whole(copy) as never, term, ingest);
    });
  }

  onExit(listener: Exit): void {
    this.#exits.push(listener);
  }

  shutdown(): Promise<void> {
    this.#open.clear();
    return Promise.resolve();
  }

  /** A worker thread dies: all that it had open has to be opened again. */
  workerDies(): void {
    const shards = [...this.#open.keys()];
    const error = new AnnulusError('ANN_SHARD_UNAVAILABLE', 'the worker died');
    for (const open of this.#open.values()) {
      open.copy.file.crash(this.#process.random);
      open.dead = true;
      for (const { reject } of [...open.committing, ...open.queue]) reject(error);
    }
    this.#open.clear();
    for (const exit of this.#exits) exit(shards, error);
  }

  #whole(copy: MemoryCopy): MemoryCopy {
    if (!copy.file.meta.importing) return copy;
    throw new AnnulusError('ANN_NOT_READY', 'the copy is being filled from another one');
  }

  #streaming(copy: MemoryCopy): MemoryCopy {
    if (!copy.copying) return copy;
    throw new AnnulusError('ANN_NOT_READY', 'the copy is being filled from another one');
  }

  #checkDisk(): void {
    if (this.#disk.full) {
      throw new AnnulusError('ANN_DISK_FULL', `less than ${diskReserve(DISK_BYTES)} bytes are free; delete points`);
    }
  }

  #later<T>(act: () => T): Promise<T> {
    return new Promise((resolve, reject) => {
      this.#kernel.after(this.#process.random.between(0.1, 1), this.#process, () => {
        try {
          resolve(act());
        } catch (error) {
          reject(toError(error));
        }
      });
    });
  }

  #call<T>(shard: string, run: (copy: MemoryCopy) => T): Promise<T> {
    const open = this.#open.get(shard);
    if (open === undefined) {
      return Promise.reject(new AnnulusError('ANN_SHARD_UNAVAILABLE', `shard ${shard} is not open on this node`));
    }
    return new Promise<T>((resolve, reject) => {
      open.queue.push({ run, resolve: resolve as (value: never) => void, reject });
      if (open.queue.length === 1 && !open.busy) this.#soon(shard, open);
    });
  }

  #soon(shard: string, open: Open): void {
    this.#kernel.after(this.#process.random.between(0.02, 0.3), this.#process, () => this.#turn(shard, open));
  }

  #turn(shard: string, open: Open): void {
    if (open.dead) return;
    const { file } = open.copy;
    const calls = open.queue.splice(0);
    const answers: (() => void)[] = [];
    for (const { run, resolve, reject } of calls) {
      try {
        const value = run(open.copy) as never;
        answers.push(() => resolve(value));
      } catch (error) {
        if (error instanceof DamageFound) return this.#fail(shard, open, calls, error.message);
        answers.push(() => reject(toError(error)));
      }
    }
    const finish = (): void => {
      open.busy = false;
      for (const answer of answers) answer();
      if (open.queue.length > 0) this.#soon(shard, open);
    };
    if (!file.inTransaction) return finish();
    open.busy = true;
    open.committing = calls;
    file.commitBegins();
    const wait = SYNC_MS * this.#disk.slowness * this.#process.random.between(0.3, 2);
    this.#kernel.after(wait, this.#process, () => {
      if (open.dead) return;
      file.commit();
      finish();
    });
  }

  /** Damage was found: nothing of the turn happened, and the copy says so from now on. */
  #fail(shard: string, open: Open, calls: Call[], message: string): void {
    const { file } = open.copy;
    file.rollback();
    file.failedMark = message;
    this.#open.delete(shard);
    const error = new AnnulusError('ANN_SHARD_UNAVAILABLE', `this copy of shard ${shard} is damaged: ${message}`);
    for (const { reject } of [...calls, ...open.queue.splice(0)]) reject(error);
    for (const exit of this.#exits) exit([shard], error);
  }
}

/** Small, so that a recovery takes several of them. */
const BATCH_ROWS = 12;

function toError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}

function toPoint({ id, payload, vector }: SimRow): ShardPoint {
  return { id, payload, vector };
}

function within(slots: Slots, row: SimRow): boolean {
  const slot = slotOf(row.id);
  return slot >= slots.from && slot <= slots.to;
}

function addRow(digest: PointsDigest, { key, vector, payload }: SimRow): void {
  digest.add(key, vector && new Uint8Array(vector.buffer, vector.byteOffset, vector.byteLength), payload);
}

function digestOf(rows: SimRow[]): string {
  const digest = new PointsDigest();
  for (const row of rows) addRow(digest, row);
  return digest.text();
}
