import { describe, expect, test } from '@jest/globals';
import { mulberry32 } from '../replication/sim-random.ts';
import { DEFAULT_SETTINGS } from '#model/cluster-map.ts';
import { NO_FAULTS, SimNetwork, type Faults } from './sim-network.ts';
import { detectionTime } from './timing.ts';

const DEFAULTS = DEFAULT_SETTINGS.membership;
const HOUR_MS = 3_600_000;
const ROUGH: Faults = { ...NO_FAULTS, loss: 0.01, duplication: 0.01, reordering: 0.02, lateMs: 100 };
const SEEDS = Array.from({ length: 30 }, (_, i) => i + 1);

/** A network that has settled, at another moment of its cycles with each seed. */
function settled(seed: number, nodes: number, settings = DEFAULTS): SimNetwork {
  const net = new SimNetwork(seed, nodes, settings);
  net.run(2_000 + seed * 37);
  expect(net.agreed).toBe(true);
  return net;
}

function changes(net: SimNetwork, to: string, since = 0): string[] {
  return net.log.flatMap(({ at, of, event }) =>
    at >= since && event.type === 'state' && event.to === to ? [`${at.toFixed(0)}: ${of} of ${event.node}`] : [],
  );
}

describe('a dead node', () => {
  test.each([3, 4, 5, 6, 7, 8, 9, 10])('of %d is known to every other within 5 s', (nodes) => {
    const times = SEEDS.map((seed) => {
      const net = settled(seed, nodes);
      net.faults = ROUGH;
      net.kill('n1');
      return net.runUntil(() => net.all('n1', 'Dead'), 20_000);
    });
    expect(Math.max(...times)).toBeLessThan(5_000);
    const mean = times.reduce((sum, time) => sum + time) / times.length;
    expect(Math.abs(mean - detectionTime(DEFAULTS, nodes).expectedMs)).toBeLessThan(300);
  });

  test('whose connections broke is known sooner', () => {
    for (const seed of SEEDS) {
      const net = settled(seed, 5);
      net.kill('n1');
      for (const name of net.names) if (name !== 'n1') net.hint(name, 'n1');
      expect(net.runUntil(() => net.all('n1', 'Dead'), 20_000)).toBeLessThan(2_700);
    }
  });

  test('that starts again is known at once', () => {
    const net = settled(1, 5);
    net.kill('n1');
    net.run(8_000);
    net.start('n1');
    expect(net.runUntil(() => net.agreed, 10_000)).toBeLessThan(200);
  });

  test('that said goodbye is known at once', () => {
    const net = settled(1, 5);
    net.leave('n1');
    expect(net.runUntil(() => net.all('n1', 'Dead'), 10_000)).toBeLessThan(20);
  });
});

describe('nobody is held dead that lives', () => {
  test('in an hour of 1 % loss', () => {
    const net = new SimNetwork(7, 5);
    net.faults = ROUGH;
    net.run(HOUR_MS);
    expect(changes(net, 'Dead')).toEqual([]);
    expect(net.datagrams).toBeGreaterThan(100_000);
  });

  test.each([0.1, 0.2])('in ten minutes of loss of %d', (loss) => {
    const net = new SimNetwork(8, 5);
    net.faults = { ...ROUGH, loss };
    net.run(HOUR_MS / 6);
    expect(changes(net, 'Dead')).toEqual([]);
    expect(changes(net, 'Suspect').length).toBeGreaterThan(10);
  });

  test.each([300, 1_000])('when one node answers up to %d ms late', (late) => {
    const net = new SimNetwork(9, 5);
    net.faults = { ...ROUGH, slow: new Map([['n1', late]]) };
    net.run(HOUR_MS / 6);
    expect(changes(net, 'Dead')).toEqual([]);
  });

  test('when a node stands still for 2 s now and then, of it or by it', () => {
    const net = settled(10, 5);
    for (let i = 0; i < 50; i++) {
      net.pause(`n${i % 5}`);
      net.run(2_000);
      net.resume(`n${i % 5}`);
      net.run(3_000);
    }
    expect(changes(net, 'Dead')).toEqual([]);
    expect(net.agreed).toBe(true);
  });

  test('when the way between two nodes is cut, but not the ways of the others', () => {
    const net = settled(11, 5);
    net.part(['n0'], ['n1']);
    net.run(HOUR_MS / 6);
    expect(changes(net, 'Suspect')).toEqual([]);
  });
});

test('a node that stood still for long holds nobody for dead, and is back at once', () => {
  for (const seed of SEEDS) {
    const net = settled(seed, 5);
    net.pause('n2');
    net.run(20_000);
    expect(net.all('n2', 'Dead')).toBe(true);
    const since = net.now;
    net.resume('n2');
    expect(net.runUntil(() => net.agreed, 10_000)).toBeLessThan(1_000);
    net.run(5_000);
    expect(changes(net, 'Dead', since)).toEqual([]);
  }
});

describe('a partition 2|3', () => {
  const [few, many] = [
    ['n0', 'n1'],
    ['n2', 'n3', 'n4'],
  ];

  test('is seen by the majority within 5 s, and over for all within 2 s of healing', () => {
    for (const seed of SEEDS) {
      const net = settled(seed, 5);
      net.part(few!, many!);
      const seen = (): boolean => many!.every((of) => few!.every((about) => net.state(of, about) === 'Dead'));
      expect(net.runUntil(seen, 20_000)).toBeLessThan(5_000);
      net.run(10_000);
      net.heal();
      expect(net.runUntil(() => net.agreed, 20_000)).toBeLessThan(2_000);
      net.run(5_000);
      expect(net.agreed).toBe(true);
    }
  });

  test.each(['deaf', 'mute'])('of one way, a %s node, kills nobody else, and heals', (kind) => {
    const net = settled(3, 5);
    const others = net.names.slice(1);
    for (const other of others) {
      if (kind === 'deaf') net.cut(other, 'n0');
      else net.cut('n0', other);
    }
    net.run(60_000);
    for (const of of others) {
      for (const about of net.names) {
        if (about !== of) expect(net.state(of, about)).toBe(about === 'n0' ? 'Dead' : 'Alive');
      }
    }
    expect(changes(net, 'Dead').filter((line) => !line.includes(': n0') && !line.endsWith('n0'))).toEqual([]);
    net.heal();
    expect(net.runUntil(() => net.agreed, 20_000)).toBeLessThan(2_000);
  });
});

test('whatever happens, everyone agrees within 5 s after it stopped', () => {
  for (const seed of SEEDS) {
    const random = mulberry32(seed * 1_000);
    const net = new SimNetwork(seed, 3 + Math.floor(random() * 6));
    const down = new Set<string>();
    const held = new Set<string>();
    for (let i = 0; i < 40; i++) {
      const name = net.names[Math.floor(random() * net.names.length)]!;
      const other = net.names[Math.floor(random() * net.names.length)]!;
      const dice = random();
      if (dice < 0.15) {
        net.kill(name);
        down.add(name);
      } else if (dice < 0.4 && down.has(name)) {
        net.start(name);
        down.delete(name);
        held.delete(name);
      } else if (dice < 0.5 && !down.has(name)) {
        net.pause(name);
        held.add(name);
      } else if (dice < 0.6 && held.delete(name)) net.resume(name);
      else if (dice < 0.8) net.cut(name, other);
      else if (dice < 0.85) net.heal();
      else net.faults = { ...ROUGH, loss: random() * 0.3, slow: new Map([[other, random() * 800]]) };
      net.run(random() * 3_000);
    }
    net.heal();
    net.faults = NO_FAULTS;
    for (const name of held) if (!down.has(name)) net.resume(name);
    for (const name of down) net.start(name);
    expect(net.runUntil(() => net.agreed, 30_000)).toBeLessThan(5_000);
    net.run(10_000);
    expect(net.agreed).toBe(true);
  }
});

describe('what each part is for: without it the simulation finds deaths of the living', () => {
  test('refutation', () => {
    const net = settled(12, 5);
    net.faults = { ...ROUGH, loss: 0.2 };
    // Nobody hears what is said of itself.
    net.filter = (message) => ({ ...message, rumours: message.rumours.filter(({ node }) => node !== message.to) });
    net.run(60_000);
    expect(changes(net, 'Dead').length).toBeGreaterThan(0);
  });

  test('indirect probes', () => {
    const net = settled(13, 5, { ...DEFAULTS, indirectProbes: 0 });
    net.part(['n0'], ['n1']);
    net.run(60_000);
    expect(changes(net, 'Suspect').length).toBeGreaterThan(10);
  });
});
