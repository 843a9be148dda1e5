import { describe, expect, test } from '@jest/globals';
import * as limits from './limits.ts';
import type { Ready, ShardConfig, Step } from './messages.ts';
import { Primary } from './primary.ts';

type ReadyOf<T extends Ready['type']> = Extract<Ready, { type: T }>;

const REPLICA = { node: 'n1', allocationId: 'r1', inSync: true };
const OTHER = { node: 'n2', allocationId: 'r2', inSync: true };
const CONFIG: ShardConfig = { shard: 's', term: 1, configVersion: 1, minInSync: 1, copies: [REPLICA, OTHER] };
const BYTES = Buffer.from('entry');

/** A primary whose copies are empty and stream, with its answers by kind. */
class Rig {
  readonly primary: Primary;
  now = 0;
  ready: Ready[] = [];
  #end = 0;
  #write = 0;

  constructor(config: Partial<ShardConfig> = {}) {
    this.primary = new Primary({ ...CONFIG, ...config }, { seqNo: 0, term: 1 }, {}, 0);
    this.#take();
    for (const { copy, session } of this.of('locate')) {
      this.step({ type: 'located', copy, session, located: { seqNo: 0, term: 0, whole: true, hasLastEntry: false } });
    }
    this.ready = [];
  }

  step(step: Step): void {
    this.primary.step(step, this.now);
    this.#take();
  }

  configure(config: Partial<ShardConfig>): void {
    this.step({ type: 'configured', config: { ...CONFIG, ...config } });
  }

  of<T extends Ready['type']>(type: T): ReadyOf<T>[] {
    return this.ready.filter((ready): ready is ReadyOf<T> => ready.type === type);
  }

  /** Appends one entry and waits for it; gives the write's number. */
  write(): number {
    const seqNo = ++this.#end;
    this.step({ type: 'appended', firstSeqNo: seqNo, lastSeqNo: seqNo, entries: BYTES });
    this.step({ type: 'awaited', write: ++this.#write, seqNo });
    return this.#write;
  }

  /** The copy answers what was sent to it. */
  apply(copy: string): void {
    const sent = this.of('send').filter((send) => send.copy === copy);
    this.ready = this.ready.filter((ready) => ready.type !== 'send' || ready.copy !== copy);
    for (const { session, entries } of sent) {
      const position = { seqNo: this.#end, term: 1 };
      this.step({ type: 'applied', copy, session, bytes: entries.byteLength, position });
    }
  }

  pass(milliseconds: number): void {
    for (const end = this.now + milliseconds; this.now < end;) {
      this.now += limits.TICK_MS;
      this.step({ type: 'tick' });
    }
  }

  #take(): void {
    this.ready.push(...this.primary.takeReady());
  }
}

describe('a planned change of primary', () => {
  test('an append under way when the seal comes is completed, and only then the operator is asked', () => {
    const rig = new Rig();
    rig.step({ type: 'appendBegun' });
    rig.configure({ handoverTo: 'n1' });
    expect(rig.primary.refusal()).toMatchObject({ code: 'ANN_STALE_TERM', message: 'shard s is handing over to n1' });
    expect(rig.of('change')).toEqual([]);
    const write = rig.write();
    rig.step({ type: 'appendOver' });
    rig.apply('r1');
    expect(rig.primary.drained).toBe(false);
    expect(rig.of('change')).toEqual([]);
    rig.apply('r2');
    expect(rig.of('acknowledge')).toEqual([{ type: 'acknowledge', writes: [write] }]);
    expect(rig.primary.drained).toBe(true);
    expect(rig.of('change')).toMatchObject([{ action: 'handOver', copy: 'r1', node: 'n1', configVersion: 1 }]);
  });

  test('it is asked again while nobody answers, and not any more when the promise is taken back', () => {
    const rig = new Rig({ handoverTo: 'n1' });
    rig.step({ type: 'changeAnswered', copy: 'r1', action: 'handOver', answer: { result: 'unknown', reason: 'late' } });
    rig.ready = [];
    rig.pass(limits.HANDOVER_RETRY_MS);
    expect(rig.of('change')).toHaveLength(1);
    rig.configure({});
    rig.step({ type: 'changeAnswered', copy: 'r1', action: 'handOver', answer: { result: 'refused', reason: 'no' } });
    rig.ready = [];
    rig.pass(2_000);
    expect(rig.of('change')).toEqual([]);
    expect(rig.primary.refusal()).toBeNull();
  });

  test('once done nothing is served here', () => {
    const rig = new Rig({ handoverTo: 'n1' });
    rig.step({ type: 'changeAnswered', copy: 'r1', action: 'handOver', answer: { result: 'done', configVersion: 2 } });
    rig.configure({});
    expect(rig.primary.refusal()).toMatchObject({ code: 'ANN_STALE_TERM' });
    expect(rig.primary.readRefusal()).toMatchObject({ code: 'ANN_STALE_TERM' });
    expect(rig.primary.drained).toBe(false);
  });

  test('a copy that is silent while the primary is sealed leaves the set, so that the handover does not hang', () => {
    const rig = new Rig();
    const write = rig.write();
    rig.apply('r1');
    rig.step({ type: 'givenUp', write });
    rig.configure({ handoverTo: 'n1' });
    rig.pass(limits.SILENCE_MS + 1_000);
    expect(rig.of('change')).toMatchObject([{ action: 'remove', copy: 'r2' }]);
    rig.step({ type: 'changeAnswered', copy: 'r2', action: 'remove', answer: { result: 'done', configVersion: 2 } });
    expect(rig.of('change')).toMatchObject([
      { action: 'remove' },
      { action: 'handOver', copy: 'r1', configVersion: 2 },
    ]);
  });
});

describe('primary reads', () => {
  test('reads that come while a round is under way share the next one', () => {
    const rig = new Rig();
    for (const read of [1, 2, 3]) rig.step({ type: 'readAsked', read });
    expect(rig.of('confirm')).toHaveLength(2);
    rig.step({ type: 'confirmed', copy: 'r1', round: 1 });
    expect(rig.of('serveReads')).toEqual([]);
    rig.step({ type: 'confirmed', copy: 'r2', round: 1 });
    expect(rig.of('serveReads')).toEqual([{ type: 'serveReads', reads: [1] }]);
    expect(rig.of('confirm').filter(({ round }) => round === 2)).toHaveLength(2);
    // The word of an old round is no word.
    rig.step({ type: 'confirmed', copy: 'r1', round: 1 });
    rig.step({ type: 'confirmed', copy: 'r2', round: 1 });
    expect(rig.of('serveReads')).toHaveLength(1);
    for (const copy of ['r1', 'r2']) rig.step({ type: 'confirmed', copy, round: 2 });
    expect(rig.of('serveReads')[1]).toEqual({ type: 'serveReads', reads: [2, 3] });
  });

  test('a copy that knows a newer term ends this primary', () => {
    const rig = new Rig();
    rig.step({ type: 'readAsked', read: 1 });
    rig.step({ type: 'unconfirmed', copy: 'r1', round: 1, code: 'ANN_STALE_TERM', message: 'term 2' });
    expect(rig.of('rejectReads')).toMatchObject([{ reads: [1], code: 'ANN_STALE_TERM' }]);
    expect(rig.primary.refusal()).toMatchObject({ code: 'ANN_STALE_TERM' });
  });

  test('a copy that cannot be asked leaves the set, without any write', () => {
    const rig = new Rig();
    rig.step({ type: 'readAsked', read: 1 });
    rig.step({ type: 'confirmed', copy: 'r1', round: 1 });
    rig.step({ type: 'unconfirmed', copy: 'r2', round: 1, code: 'ANN_SHARD_UNAVAILABLE', message: 'gone' });
    rig.pass(limits.FAILING_MS + 500);
    expect(rig.of('change')).toMatchObject([{ action: 'remove', copy: 'r2', reason: 'gone' }]);
    rig.step({ type: 'changeAnswered', copy: 'r2', action: 'remove', answer: { result: 'done', configVersion: 2 } });
    expect(rig.of('serveReads')).toEqual([{ type: 'serveReads', reads: [1] }]);
  });
});

describe('comparison of copies', () => {
  const digests = (mark: string): string[] => Array.from({ length: 64 }, () => mark);

  test('nothing is sent until the seqNo is known; then the log goes on at once', () => {
    const rig = new Rig();
    rig.step({ type: 'auditDue' });
    rig.write();
    rig.write();
    expect(rig.of('openAudit')).toHaveLength(1);
    expect(rig.of('send')).toEqual([]);
    rig.step({ type: 'auditOpened', audit: 1, seqNo: 1 });
    const toReplica = rig.ready.filter((ready) => 'copy' in ready && ready.copy === 'r1').map((ready) => ready.type);
    expect(toReplica).toEqual(['send', 'audit', 'send']);
    expect(rig.primary.auditing).toBe(true);
  });

  test('only who differs is recovered, after it has left the set', () => {
    const rig = new Rig();
    rig.step({ type: 'auditDue' });
    rig.step({ type: 'auditOpened', audit: 1, seqNo: 0 });
    const [first, second] = rig.of('audit');
    rig.step({ type: 'audited', copy: 'r1', session: first!.session, audit: 1, digests: digests('a') });
    rig.step({ type: 'audited', copy: 'r2', session: second!.session, audit: 1, digests: digests('b') });
    rig.step({ type: 'auditRead', audit: 1, digests: digests('a') });
    expect(rig.primary.divergences).toBe(1);
    expect(rig.of('change')).toMatchObject([{ action: 'remove', copy: 'r2' }]);
    expect(rig.of('recover')).toEqual([]);
    rig.step({ type: 'changeAnswered', copy: 'r2', action: 'remove', answer: { result: 'done', configVersion: 2 } });
    expect(rig.of('recover')).toMatchObject([{ copy: 'r2' }]);
    expect(rig.primary.auditing).toBe(false);
  });

  test('digests that cannot be taken hold nobody up', () => {
    const rig = new Rig();
    rig.step({ type: 'auditDue' });
    rig.write();
    rig.step({ type: 'auditRead', audit: 1, digests: null });
    expect(rig.of('send')).toHaveLength(2);
    expect(rig.primary.auditing).toBe(false);
  });
});

describe('bounds', () => {
  test('writes that wait are bounded', () => {
    const rig = new Rig();
    for (let i = 0; i < limits.PENDING_WRITES; i++) rig.write();
    expect(rig.primary.refusal()).toMatchObject({ code: 'ANN_OVERLOADED' });
  });

  test('a node that is heard of again is tried at once', () => {
    const rig = new Rig();
    rig.write();
    const cut = (): void => {
      const { session } = rig.primary.copies()[0]!;
      const code = 'ANN_SHARD_UNAVAILABLE';
      rig.step({ type: 'refused', copy: 'r1', session, code, message: 'cut', diverged: false });
    };
    for (let i = 0; i < 8; i++) {
      cut();
      rig.pass(limits.RETRY_MAX_MS);
    }
    cut();
    rig.ready = [];
    rig.step({ type: 'nodeAlive', node: 'n2' });
    expect(rig.of('locate')).toEqual([]);
    rig.step({ type: 'nodeAlive', node: 'n1' });
    expect(rig.of('locate')).toMatchObject([{ copy: 'r1' }]);
  });
});

describe('a primary that starts', () => {
  const located = (primary: Primary, copy: string, seqNo: number, term: number): Ready[] => {
    const session = 1;
    primary.step({ type: 'located', copy, session, located: { seqNo, term, whole: true, hasLastEntry: seqNo > 0 } }, 0);
    return primary.takeReady();
  };
  const start = (term: number): Primary => {
    const primary = new Primary({ ...CONFIG, term }, { seqNo: 5, term }, {}, 0);
    primary.takeReady();
    return primary;
  };

  test('takes writes when the logs of all copies in sync were compared with its own, or they have left the set', () => {
    const primary = start(1);
    expect(primary.refusal()?.code).toBe('ANN_NOT_READY');
    located(primary, 'r1', 5, 1);
    expect(primary.refusal()).toMatchObject({ code: 'ANN_NOT_READY', message: expect.stringContaining('n2') });
    primary.step({ type: 'configured', config: { ...CONFIG, configVersion: 2, copies: [REPLICA] } }, 0);
    expect(primary.refusal()).toBeNull();
  });

  test('asks to remove a copy that does not answer, though no write waits', () => {
    const primary = start(1);
    located(primary, 'r1', 5, 1);
    primary.step({ type: 'tick' }, limits.SILENCE_MS + 1);
    const changes = primary.takeReady().filter((ready) => ready.type === 'change');
    expect(changes).toMatchObject([{ action: 'remove', copy: 'r2' }]);
  });

  test('with less than it has written in this term has lost entries: it is deposed, and the copy is not emptied', () => {
    const primary = start(1);
    const ready = located(primary, 'r1', 7, 1);
    expect(ready).toMatchObject([{ type: 'damaged', message: expect.stringContaining('entry 7 of term 1') }]);
    expect(primary.refusal()?.code).toBe('ANN_STALE_TERM');
    expect(primary.takeReady().filter(({ type }) => type === 'recover' || type === 'change')).toEqual([]);
  });

  test('with less than a copy has of an earlier term is right: those entries were never acknowledged', () => {
    const ready = located(start(2), 'r1', 7, 1);
    expect(ready.some(({ type }) => type === 'damaged')).toBe(false);
    expect(ready).toContainEqual(expect.objectContaining({ type: 'change', action: 'remove', copy: 'r1' }));
  });
});
