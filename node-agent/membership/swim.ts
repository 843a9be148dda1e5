import type { MembershipSettings } from '#model/cluster-map.ts';
import { deadAt, judge, newMember, rumourOf, takeVitals, type Member, type MemberState } from './member.ts';
import type { GossipMessage, MessageKind, Rumour, Vitals } from './messages.ts';
import { News, pack } from './news.ts';
import { Probes, type Probe } from './probes.ts';
import { sample } from './sample.ts';
import type { SwimOptions, SwimReady } from './swim-options.ts';
import {
  burst,
  gossipMs,
  MAX_LOCAL_HEALTH,
  STANDSTILL_MS,
  TICK_MS,
  transmissions,
  turnMs,
  withinReason,
} from './timing.ts';

/** A helper that had no answer says so after this part of the timeout, so that it is heard within it. */
const NACK_AFTER = 0.8;
/** So many nodes, of a big cluster, look for themselves when they hear of a suspicion. */
const CONFIRMERS = 16;
/** Least time between two pings of one member out of turn. */
const NUDGE_PAUSE_MS = 200;
/** Least time between two rounds of gossip, however much happens: datagrams that follow from each other stay few. */
const URGENT_PAUSE_MS = 20;

/**
 * Who of the cluster's nodes lives: SWIM with Lifeguard's additions. A pure machine: configure() with the map's nodes, receive() datagrams,
 * tick() every TICK_MS, and after each of them carry out takeReady(). Times are ms of one clock that never goes back.
 */
export class Swim {
  readonly self: string;
  #settings: MembershipSettings;
  #random: () => number;
  #members = new Map<string, Member>();
  /** Members in the order of their turns, which is random and stays. */
  #order: string[] = [];
  #cursor = 0;
  #probes = new Probes();
  #news = new News();
  #me: Rumour;
  #health = 0;
  #seq: number;
  #lastTick: number;
  #turnAt: number;
  #gossipedAt: number;
  /** News since the last round of gossip: the next one does not wait. */
  #urgent = false;
  #filler = 0;
  #ready: SwimReady = { sends: [], events: [] };

  constructor({ self, incarnation, settings, random, now }: SwimOptions) {
    this.self = self;
    this.#settings = withinReason(settings);
    this.#random = random;
    this.#seq = Math.floor(random() * 0xffff_ffff);
    this.#lastTick = this.#turnAt = this.#gossipedAt = now;
    const vitals = { shards: 0, cpuPercent: 0, memoryMiB: 0, zone: '', mapVersion: 0 };
    this.#me = { node: self, incarnation: Math.max(1, incarnation), state: 'Alive', by: [], revision: 0, vitals };
  }

  get incarnation(): number {
    return this.#me.incarnation;
  }

  /** Local health multiplier: 0 is well; by n the node gives the others n + 1 times the time. */
  get localHealth(): number {
    return this.#health;
  }

  /** Members as this node sees them, without itself. Read only. */
  members(): Iterable<Readonly<Member>> {
    return this.#members.values();
  }

  member(node: string): Readonly<Member> | undefined {
    return this.#members.get(node);
  }

  /** The nodes that the cluster map names are the members. New ones are greeted at once. */
  configure(nodes: readonly { node: string; zone: string }[], settings: MembershipSettings, now: number): void {
    this.#settings = withinReason(settings);
    const wanted = new Map(nodes.map(({ node, zone }) => [node, zone]));
    const zone = wanted.get(this.self);
    if (zone !== undefined) this.setVitals({ zone });
    wanted.delete(this.self);
    if (this.#members.size === 0) this.#turnAt = now + this.#random() * turnMs(this.#settings, wanted.size);
    for (const node of this.#members.keys()) if (!wanted.has(node)) this.#forget(node);
    let greetings = burst(this.#settings);
    for (const [node, zone] of wanted) {
      if (this.#members.has(node)) continue;
      const member = newMember(node, zone, now);
      this.#members.set(node, member);
      this.#order.splice(Math.floor(this.#random() * (this.#order.length + 1)), 0, node);
      if (greetings-- > 0) this.#nudge(member, now);
    }
  }

  /** What this node says of itself from now on. */
  setVitals(vitals: Partial<Vitals>): void {
    this.#me = { ...this.#me, revision: this.#me.revision + 1, vitals: { ...this.#me.vitals, ...vitals } };
  }

  receive(message: GossipMessage, now: number): void {
    const { sender } = message;
    if (message.to !== this.self || sender.node === this.self) return;
    this.#seeMap(sender);
    // One that the map does not name yet (its map may be the newer one) is answered, but it is no member.
    const member = this.#members.get(sender.node);
    if (member) {
      this.#learn(sender, now);
      for (const rumour of message.rumours) this.#learn(rumour, now);
      // It lives, and can't know that it is doubted: an answer to a ping says so, else it is told.
      if (member.state !== 'Alive' && !member.left && message.kind !== 'ping') this.#nudge(member, now);
    }
    switch (message.kind) {
      case 'ping':
        this.#send(sender.node, 'ack', message.seq, this.self);
        break;
      case 'pingRequest':
        this.#relay(sender.node, message, now);
        break;
      case 'ack':
        this.#answered(message, now);
        break;
      case 'nack':
        this.#probes.get(message.seq)?.nacks.add(sender.node);
        break;
      case 'gossip':
        break;
    }
    this.#gossip(now);
  }

  tick(now: number): void {
    const late = now - this.#lastTick - TICK_MS;
    this.#lastTick = now;
    if (late > STANDSTILL_MS) this.#stoodStill(late);
    if (this.#me.state === 'Left') return;
    for (const probe of this.#probes.toAsk(now)) this.#askHelpers(probe, now);
    for (const probe of this.#probes.failed(now)) this.#failed(probe, now);
    for (const relay of this.#probes.failedRelays(now)) {
      this.#send(relay.origin, 'nack', relay.originSeq, relay.target);
    }
    for (const member of this.#members.values()) if (member.state === 'Suspect') this.#await(member, now);
    for (let turns = 0; now >= this.#turnAt && this.#order.length > 0; turns++) this.#turn(now, turns);
    this.#gossip(now);
  }

  /** The connection to a node broke or was refused: it is probed at once. */
  hint(node: string, now: number): void {
    const member = this.#members.get(node);
    if (member?.state === 'Alive') this.#probe(member, now, true);
  }

  /** Says goodbye to everyone: to be the last that this machine does. */
  leave(): void {
    this.#me = { ...this.#me, state: 'Left' };
    for (const node of this.#members.keys()) this.#send(node, 'gossip', 0, '');
  }

  /** What is to be sent and told since the last time. A datagram that is lost is no harm. */
  takeReady(): SwimReady {
    const ready = this.#ready;
    this.#ready = { sends: [], events: [] };
    return ready;
  }

  /** The next member is probed; a dead one too, so that its return is noticed. */
  #turn(now: number, turns: number): void {
    const member = this.#members.get(this.#order[this.#cursor++ % this.#order.length]!)!;
    const stretch = member.state === 'Dead' ? 1 : this.#health + 1;
    this.#turnAt += turnMs(this.#settings, this.#order.length) * stretch;
    // What was missed is not made up for.
    if (turns >= burst(this.#settings)) this.#turnAt = Math.max(this.#turnAt, now + TICK_MS);
    if (member.state === 'Dead') this.#ping(member);
    else this.#probe(member, now, false);
  }

  /** Asks a member for an answer; `hurried`: the helpers are asked at the same time, as there is reason for doubt. */
  #probe(member: Member, now: number, hurried: boolean): void {
    const timeout = this.#settings.probeTimeoutMs * (this.#health + 1);
    const under = this.#probes.of(member.node);
    if (under) {
      if (hurried && under.askAt !== Infinity) this.#askHelpers(under, now);
      return;
    }
    const probe = {
      seq: this.#nextSeq(),
      target: member.node,
      sentAt: now,
      askAt: now + timeout,
      endAt: now + 2 * timeout,
      helpers: 0,
      nacks: new Set<string>(),
    };
    this.#probes.add(probe);
    this.#send(member.node, 'ping', probe.seq, '');
    if (hurried) this.#askHelpers(probe, now);
  }

  #askHelpers(probe: Probe, now: number): void {
    probe.askAt = Infinity;
    probe.endAt = Math.min(probe.endAt, now + this.#settings.probeTimeoutMs * (this.#health + 1));
    const helpers = this.#some(this.#settings.indirectProbes, ({ node, state, heard }) => {
      return state === 'Alive' && heard && node !== probe.target;
    });
    probe.helpers = helpers.length;
    for (const { node } of helpers) this.#send(node, 'pingRequest', probe.seq, probe.target);
  }

  #relay(origin: string, { seq, about }: GossipMessage, now: number): void {
    if (about === this.self) {
      this.#send(origin, 'ack', seq, this.self);
      return;
    }
    const own = this.#nextSeq();
    const nackAt = now + NACK_AFTER * this.#settings.probeTimeoutMs;
    if (!this.#members.has(about) || !this.#members.has(origin)) return;
    const relay = { seq: own, origin, originSeq: seq, target: about, nackAt };
    if (this.#probes.addRelay(relay)) this.#send(about, 'ping', own, '');
  }

  #answered({ seq, about, sender }: GossipMessage, now: number): void {
    const relay = this.#probes.answeredRelay(seq, about);
    if (relay) {
      this.#send(relay.origin, 'ack', relay.originSeq, relay.target);
      return;
    }
    const probe = this.#probes.answered(seq, about);
    if (!probe) return;
    this.#health = Math.max(0, this.#health - 1);
    if (sender.node !== about) return;
    this.#ready.events.push({ type: 'answered', node: about, milliseconds: now - probe.sentAt });
  }

  #failed(probe: Probe, now: number): void {
    const member = this.#members.get(probe.target);
    if (!member || member.state === 'Dead') return;
    // Helpers that are silent too hint that the fault is here. Of one known as suspect, silence says nothing new.
    const alone = probe.helpers === 0 || probe.nacks.size < probe.helpers;
    if (member.state === 'Alive' && alone) this.#health = Math.min(MAX_LOCAL_HEALTH, this.#health + 1);
    const { node, incarnation, revision, vitals } = member;
    this.#learn({ node, incarnation, state: 'Suspect', by: [this.self], revision, vitals }, now);
  }

  /** A suspected member is asked again and again for its word against it, until its time is over. */
  #await(member: Member, now: number): void {
    if (now >= deadAt(member, this.#settings, this.#members.size + 1)) this.#become(member, 'Dead', now);
    else this.#nudge(member, now, this.#settings.probeTimeoutMs);
  }

  #learn(rumour: Rumour, now: number): void {
    if (rumour.node === this.self) {
      this.#hearOfMe(rumour);
      return;
    }
    const member = this.#members.get(rumour.node);
    if (!member) return;
    takeVitals(member, rumour);
    if (rumour.state === 'Alive') this.#seeMap(rumour);
    const verdict = judge(member, rumour);
    if (verdict === 'nothing') return;
    member.incarnation = rumour.incarnation;
    member.left = verdict === 'left';
    switch (verdict) {
      case 'alive':
        member.heard = true;
        member.suspecters.clear();
        this.#become(member, 'Alive', now);
        return;
      case 'left':
        this.#become(member, 'Dead', now);
        return;
      case 'suspect':
        member.suspecters = new Set(rumour.by);
        this.#become(member, 'Suspect', now);
        // Dead is believed by one's own probes, so it looks for itself. In a big cluster some nodes are enough.
        if (!rumour.by.includes(this.self) && this.#random() * this.#members.size < CONFIRMERS) {
          this.#probe(member, now, true);
        }
        return;
      case 'confirm':
        for (const node of rumour.by) member.suspecters.add(node);
        this.#tell(member.node);
        return;
    }
  }

  #become(member: Member, to: MemberState, now: number): void {
    const from = member.state;
    member.state = to;
    this.#tell(member.node);
    if (from === to && to !== 'Suspect') return;
    member.since = now;
    if (from !== to) this.#ready.events.push({ type: 'state', node: member.node, from, to, left: member.left });
    if (to === 'Suspect') this.#nudge(member, now);
    // One that is back may not be the only one: the network may be whole again.
    if (from === 'Dead' && to === 'Alive') {
      for (const other of this.#some(burst(this.#settings), ({ state, left }) => state === 'Dead' && !left)) {
        this.#nudge(other, now);
      }
    }
  }

  /** Others may say what they like: this node lives. */
  #hearOfMe({ state, incarnation, by }: Rumour): void {
    const doubted = state !== 'Alive' && incarnation >= this.#me.incarnation;
    if (this.#me.state === 'Left' || (!doubted && incarnation <= this.#me.incarnation)) return;
    this.#me = { ...this.#me, incarnation: incarnation + 1 };
    this.#tell(this.self);
    if (!doubted) return;
    this.#health = Math.min(MAX_LOCAL_HEALTH, this.#health + 1);
    this.#ready.events.push({ type: 'refuted', by: by.join(', '), incarnation: incarnation + 1 });
  }

  #seeMap({ node, vitals }: Rumour): void {
    if (vitals.mapVersion <= this.#me.vitals.mapVersion) return;
    const known = this.#ready.events.some((event) => event.type === 'newerMap' && event.node === node);
    if (!known) this.#ready.events.push({ type: 'newerMap', node, version: vitals.mapVersion });
  }

  #tell(node: string): void {
    // To a node alone with one other there is nobody to tell of that one.
    if (node !== this.self && this.#members.size === 1) return;
    this.#news.add(node);
    this.#urgent = true;
  }

  /** News go to some members at once, and again in the rounds that follow. */
  #gossip(now: number): void {
    if (this.#me.state === 'Left' || this.#news.empty) return;
    const pause = this.#urgent ? URGENT_PAUSE_MS : gossipMs(this.#settings);
    if (now < this.#gossipedAt + pause) return;
    this.#urgent = false;
    this.#gossipedAt = now;
    for (const { node } of this.#some(this.#settings.fanout, ({ state }) => state !== 'Dead')) {
      this.#send(node, 'gossip', 0, '');
    }
  }

  /** A ping out of turn: nothing follows from its silence, but its answer says whether the member lives. */
  #nudge(member: Member, now: number, pauseMs = NUDGE_PAUSE_MS): void {
    if (now < member.nudgeAt) return;
    member.nudgeAt = now + pauseMs;
    this.#ping(member);
  }

  #ping(member: Member): void {
    this.#send(member.node, 'ping', this.#nextSeq(), '');
  }

  #send(to: string, kind: MessageKind, seq: number, about: string): void {
    const receiver = this.#members.get(to);
    const doubt = receiver && receiver.state !== 'Alive' ? rumourOf(receiver, this.self) : null;
    const message = pack({ kind, seq, to, about, sender: this.#me }, doubt, this.#candidates());
    const limit = transmissions(this.#members.size + 1);
    this.#news.told(this.self, limit);
    for (const { node } of message.rumours) if (node !== to) this.#news.told(node, limit);
    this.#ready.sends.push({ to, message });
  }

  /** News first; what room is left is for the other members in turn, so that whoever missed something hears it in the end. */
  *#candidates(): Iterable<Rumour> {
    for (const node of this.#news.nodes()) {
      const member = this.#members.get(node);
      const rumour = member && rumourOf(member, this.self);
      if (rumour) yield rumour;
    }
    const first = this.#filler++;
    for (let i = 0; i < this.#order.length; i++) {
      const rumour = rumourOf(this.#members.get(this.#order[(first + i) % this.#order.length]!)!, this.self);
      if (rumour) yield rumour;
    }
  }

  #some(count: number, fits: (member: Member) => boolean): Member[] {
    return sample([...this.#members.values()].filter(fits), count, this.#random);
  }

  #nextSeq(): number {
    this.#seq = (this.#seq + 1) >>> 0;
    return this.#seq;
  }

  #forget(node: string): void {
    this.#members.delete(node);
    this.#news.drop(node);
    this.#probes.drop(node);
    this.#order = this.#order.filter((name) => name !== node);
  }

  #stoodStill(milliseconds: number): void {
    this.#health = Math.min(MAX_LOCAL_HEALTH, this.#health + 1);
    this.#probes.shift(milliseconds);
    for (const member of this.#members.values()) if (member.state === 'Suspect') member.since += milliseconds;
    this.#turnAt += milliseconds;
  }
}
