import { beforeEach, describe, expect, test } from '@jest/globals';
import { DEFAULT_SETTINGS } from '#model/cluster-map.ts';
import { mulberry32 } from '../replication/sim-random.ts';
import { encodeBody, MAX_BODY_BYTES } from './codec.ts';
import type { ClaimState, GossipMessage, MessageKind, Rumour } from './messages.ts';
import type { MembershipEvent, SwimReady } from './swim-options.ts';
import { Swim } from './swim.ts';
import { TICK_MS, transmissions } from './timing.ts';

const settings = DEFAULT_SETTINGS.membership;

/** One machine, `a`, with a hand on its clock and on all that it hears. */
class Bench {
  swim: Swim;
  now = 0;
  sends: SwimReady['sends'] = [];
  events: MembershipEvent[] = [];
  /** Nodes that answer every ping at once. */
  lively = new Set<string>();

  constructor(others: string[]) {
    this.swim = new Swim({ self: 'a', incarnation: 10, settings, random: mulberry32(1), now: 0 });
    this.configure(others);
  }

  configure(others: string[]): void {
    const members = ['a', ...others].map((node) => ({ node, zone: `zone-${node}` }));
    this.swim.configure(members, settings, this.now);
    this.#take();
  }

  /** Ticks for so long. */
  pass(milliseconds: number): void {
    for (let at = 0; at < milliseconds; at += TICK_MS) {
      this.now += TICK_MS;
      this.swim.tick(this.now);
      this.#take();
    }
  }

  hears(from: string, kind: MessageKind, parts: Partial<GossipMessage> = {}): void {
    const sender = rumour(from, 5, 'Alive');
    this.swim.receive({ kind, seq: 1, to: 'a', about: '', sender, rumours: [], ...parts }, this.now);
    this.#take();
  }

  /** Answers the newest ping that was sent to it. */
  answers(node: string): void {
    const ping = this.sent('ping', node).at(-1)!;
    this.hears(node, 'ack', { seq: ping.seq, about: node });
  }

  hint(node: string): void {
    this.swim.hint(node, this.now);
    this.#take();
  }

  sent(kind: MessageKind, to?: string): GossipMessage[] {
    return this.sends
      .filter((send) => send.message.kind === kind && (to === undefined || send.to === to))
      .map((send) => send.message);
  }

  state(node: string): string {
    return this.swim.member(node)!.state;
  }

  forget(): void {
    this.sends = [];
    this.events = [];
  }

  #take(): void {
    const { sends, events } = this.swim.takeReady();
    this.sends.push(...sends);
    this.events.push(...events);
    for (const { to, message } of sends) {
      if (message.kind === 'ping' && this.lively.has(to)) this.hears(to, 'ack', { seq: message.seq, about: to });
    }
  }
}

function rumour(node: string, incarnation: number, state: ClaimState, by: string[] = []): Rumour {
  const vitals = { shards: 1, cpuPercent: 2, memoryMiB: 3, zone: 'z', mapVersion: 0 };
  return { node, incarnation, state, by, revision: 0, vitals };
}

describe('a machine among three others', () => {
  let bench: Bench;
  beforeEach(() => {
    bench = new Bench(['b', 'c', 'd']);
    for (const node of ['b', 'c', 'd']) bench.hears(node, 'gossip');
    // Gossip pauses a moment between its rounds.
    bench.now += TICK_MS;
    bench.forget();
  });

  test('greets new members at once', () => {
    bench.configure(['b', 'c', 'd', 'e']);
    expect(bench.sent('ping').map((ping) => ping.to)).toEqual(['e']);
  });

  test('answers a ping with its number', () => {
    bench.hears('b', 'ping', { seq: 77 });
    expect(bench.sent('ack')).toMatchObject([{ to: 'b', seq: 77, about: 'a', sender: { node: 'a', incarnation: 10 } }]);
  });

  test('probes each member once in an interval, in the same order every time', () => {
    bench.lively = new Set(['b', 'c', 'd']);
    bench.pass(4_000);
    const order = bench.sent('ping').map((ping) => ping.to);
    expect(Math.abs(order.length - 12)).toBeLessThanOrEqual(1);
    expect(new Set(order.slice(0, 3)).size).toBe(3);
    order.forEach((node, i) => expect(node).toBe(order[i % 3]));
  });

  test('asks helpers about one that does not answer, then suspects it, then it is dead', () => {
    bench.lively = new Set(['c', 'd']);
    bench.hint('b');
    const ask = bench.sent('pingRequest');
    expect(ask.map(({ to, about }) => [to, about]).sort()).toEqual([
      ['c', 'b'],
      ['d', 'b'],
    ]);
    for (const node of ['c', 'd']) bench.hears(node, 'nack', { seq: ask[0]!.seq, about: 'b' });
    bench.pass(450);
    expect(bench.state('b')).toBe('Alive');
    bench.pass(100);
    expect(bench.state('b')).toBe('Suspect');
    // Both helpers live, so the network here does: no reason for doubt about itself.
    expect(bench.swim.localHealth).toBe(0);
    for (const node of ['c', 'd']) bench.hears(node, 'gossip', { rumours: [rumour('b', 5, 'Suspect', [node])] });
    bench.pass(1_900);
    expect(bench.state('b')).toBe('Suspect');
    bench.pass(200);
    expect(bench.state('b')).toBe('Dead');
    expect(bench.events.filter((event) => event.type === 'state')).toMatchObject([
      { node: 'b', from: 'Alive', to: 'Suspect' },
      { node: 'b', from: 'Suspect', to: 'Dead' },
    ]);
  });

  test('an answer through a helper is an answer', () => {
    bench.hint('b');
    bench.hears('c', 'ack', { seq: bench.sent('pingRequest')[0]!.seq, about: 'b' });
    bench.pass(700);
    expect(bench.state('b')).toBe('Alive');
  });

  test('a suspicion that nobody confirms lasts three times as long', () => {
    bench.lively = new Set(['c', 'd']);
    bench.hint('b');
    bench.pass(550);
    expect(bench.state('b')).toBe('Suspect');
    bench.pass(5_800);
    expect(bench.state('b')).toBe('Suspect');
    bench.pass(300);
    expect(bench.state('b')).toBe('Dead');
  });

  test("another's word that a member is dead is a suspicion, looked into at once", () => {
    bench.hears('c', 'gossip', { rumours: [rumour('b', 5, 'Dead', ['c', 'd'])] });
    expect(bench.state('b')).toBe('Suspect');
    expect(bench.sent('ping', 'b').length).toBeGreaterThan(0);
    expect(bench.sent('pingRequest').map(({ about }) => about)).toEqual(['b', 'b']);
  });

  test('the suspected one is told first', () => {
    bench.hears('c', 'gossip', { rumours: [rumour('b', 5, 'Suspect', ['c'])] });
    for (const ping of bench.sent('ping', 'b')) expect(ping.rumours[0]).toMatchObject({ node: 'b', state: 'Suspect' });
  });

  test('a rumour of a former incarnation means nothing; the refutation of a later one ends the suspicion', () => {
    bench.hears('c', 'gossip', { rumours: [rumour('b', 4, 'Suspect', ['c'])] });
    expect(bench.state('b')).toBe('Alive');
    bench.hears('c', 'gossip', { rumours: [rumour('b', 5, 'Suspect', ['c'])] });
    bench.hears('d', 'gossip', { rumours: [rumour('b', 5, 'Alive')] });
    expect(bench.state('b')).toBe('Suspect');
    bench.hears('d', 'gossip', { rumours: [rumour('b', 6, 'Alive')] });
    expect(bench.state('b')).toBe('Alive');
  });

  test('refutes what is said of itself by a higher incarnation, and tells it at once', () => {
    bench.hears('c', 'gossip', { rumours: [rumour('a', 10, 'Suspect', ['c'])] });
    expect(bench.swim.incarnation).toBe(11);
    expect(bench.sent('gossip')).toHaveLength(3);
    expect(bench.sent('gossip')[0]!.sender.incarnation).toBe(11);
    expect(bench.swim.localHealth).toBe(1);
    bench.hears('c', 'gossip', { rumours: [rumour('a', 10, 'Dead', ['c'])] });
    expect(bench.swim.incarnation).toBe(11);
  });

  test('one that says goodbye is dead at once, and others hear of it', () => {
    bench.hears('b', 'gossip', { sender: rumour('b', 5, 'Left') });
    expect(bench.state('b')).toBe('Dead');
    expect(bench.sent('gossip')[0]!.rumours[0]).toMatchObject({ node: 'b', state: 'Left' });
    bench.hears('b', 'ping', { sender: rumour('b', 6, 'Alive') });
    expect(bench.state('b')).toBe('Alive');
  });

  test('says goodbye to everyone', () => {
    bench.swim.leave();
    bench.pass(TICK_MS);
    const farewells = bench.sent('gossip').filter((message) => message.sender.state === 'Left');
    expect(farewells.map((message) => message.to).sort()).toEqual(['b', 'c', 'd']);
  });

  test('tries for another, and says when it had no answer either', () => {
    bench.hears('c', 'pingRequest', { seq: 9, about: 'b' });
    bench.answers('b');
    expect(bench.sent('ack', 'c')).toMatchObject([{ seq: 9, about: 'b' }]);
    bench.hears('c', 'pingRequest', { seq: 10, about: 'd' });
    bench.pass(500);
    expect(bench.sent('nack', 'c')).toMatchObject([{ seq: 10, about: 'd' }]);
  });

  test('a rumour makes a bounded number of datagrams', () => {
    bench.lively = new Set(['b', 'c', 'd']);
    bench.hears('b', 'gossip', { rumours: [rumour('d', 6, 'Alive')] });
    bench.pass(20_000);
    expect(bench.sent('gossip').length).toBeGreaterThan(0);
    expect(bench.sent('gossip').length).toBeLessThanOrEqual(transmissions(4) + settings.fanout);
  });

  test('a map newer than its own is to be fetched from who has it', () => {
    const newer = rumour('b', 5, 'Alive');
    bench.hears('b', 'ping', { sender: { ...newer, vitals: { ...newer.vitals, mapVersion: 8 } } });
    expect(bench.events).toContainEqual({ type: 'newerMap', node: 'b', version: 8 });
    bench.forget();
    bench.swim.setVitals({ mapVersion: 8 });
    bench.hears('b', 'ping', { sender: { ...newer, vitals: { ...newer.vitals, mapVersion: 8 } } });
    expect(bench.events).toEqual([]);
  });

  test('what is meant for another node is not heard', () => {
    bench.hears('b', 'ping', { to: 'z' });
    expect(bench.sends).toEqual([]);
  });

  test('one that the map does not name is answered but is no member', () => {
    bench.hears('x', 'ping', { seq: 3 });
    expect(bench.sent('ack', 'x')).toHaveLength(1);
    expect(bench.swim.member('x')).toBeUndefined();
  });

  test('a member that left the map is forgotten', () => {
    bench.hint('b');
    bench.configure(['c', 'd']);
    bench.pass(3_000);
    expect(bench.swim.member('b')).toBeUndefined();
    expect(bench.sent('ping', 'b')).toHaveLength(1);
  });

  test('after a standstill nobody is late', () => {
    bench.hint('b');
    bench.now += 20_000;
    bench.swim.tick(bench.now);
    expect(bench.state('b')).toBe('Alive');
    bench.answers('b');
    bench.pass(600);
    expect(bench.state('b')).toBe('Alive');
  });

  test('silence of the helpers too is a sign that the fault is here: it gives the others more time', () => {
    bench.hint('b');
    bench.pass(550);
    expect(bench.swim.localHealth).toBe(1);
    bench.forget();
    bench.pass(6_000);
    const healthy = 6 * 3;
    expect(bench.sent('pingRequest').filter(({ about }) => about === 'c').length).toBeLessThan(healthy);
  });
});

test('every datagram fits at 100 nodes with the longest names', () => {
  const name = (i: number): string => `${'n'.repeat(59)}-${i}`.slice(0, 63);
  const others = Array.from({ length: 99 }, (_, i) => name(i));
  const bench = new Bench(others);
  for (const node of others) bench.hears(node, 'gossip');
  const rumours = others.slice(1, 10).map((node) => rumour(node, 5, 'Suspect', others.slice(20, 24)));
  bench.hears(others[0]!, 'gossip', { rumours });
  bench.pass(10_000);
  expect(bench.sends.length).toBeGreaterThan(200);
  for (const { message } of bench.sends) expect(encodeBody(message).length).toBeLessThanOrEqual(MAX_BODY_BYTES);
  expect(Math.max(...bench.sends.map(({ message }) => message.rumours.length))).toBeGreaterThan(3);
});
