import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { TestNetwork } from './network.ts';

/** Echoes lines on TCP port 7000 of the address. */
const SERVER = `require('net').createServer((s) => s.pipe(s)).listen(7000, process.argv[1], () => console.log('up'))`;
/** Says what a connection to port 7000 of the address comes to within a second. */
const CONNECT = `
const s = require('net').connect({ host: process.argv[1], port: +process.argv[2] });
const say = (what) => { console.log(what); process.exit(0); };
s.on('connect', () => say('connected')); s.on('error', (e) => say(e.code)); setTimeout(() => say('silence'), 1000);
`;
const why = await TestNetwork.whyNot();
const children: ChildProcess[] = [];
let network: TestNetwork;

async function node(address: string, ...args: string[]): Promise<string[]> {
  return [...(await network.enter(address)), process.execPath, '-e', ...args];
}

async function serve(address: string): Promise<void> {
  const [program = '', ...args] = await node(address, SERVER, address);
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  children.push(child);
  await new Promise((up) => createInterface({ input: child.stdout }).once('line', up));
}

async function connect(from: string | undefined, to: string, port = 7000): Promise<string> {
  const [program = '', ...args] =
    from === undefined
      ? [process.execPath, '-e', CONNECT, to, String(port)]
      : await node(from, CONNECT, to, String(port));
  return new Promise((resolve, reject) =>
    execFile(program, args, (error, stdout) => (error ? reject(error) : resolve(stdout.trim()))),
  );
}

if (why !== undefined) console.warn(`SKIPPED: no test network here: ${why}`);
const when = why === undefined ? test : test.skip;

beforeAll(async () => {
  if (why === undefined) network = await TestNetwork.create();
});

afterAll(() => {
  for (const child of children) child.kill('SIGKILL');
  network?.remove();
});

when(
  'a cut is silence both ways, this machine still reaches both sides, and it heals',
  async () => {
    const [a, b, c] = [1, 2, 3].map((host) => `${network.subnet}.${host}`) as [string, string, string];
    await Promise.all([a, b, c].map(serve));
    expect(await connect(a, b)).toBe('connected');
    expect(await connect(undefined, b)).toBe('connected');
    // Refused, so: packets arrive.
    expect(await connect(a, b, 7001)).toBe('ECONNREFUSED');
    await network.cut([a], [b]);
    const answers = await Promise.all([
      connect(a, b),
      connect(b, a),
      connect(a, b, 7001),
      connect(a, c),
      connect(c, b),
      connect(undefined, a),
      connect(undefined, b),
    ]);
    expect(answers).toEqual(['silence', 'silence', 'silence', 'connected', 'connected', 'connected', 'connected']);
    await network.heal();
    expect(await Promise.all([connect(a, b), connect(b, a)])).toEqual(['connected', 'connected']);
  },
  30_000,
);

when('nothing of it is left', () => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
  network.remove();
  expect(readdirSync('/run/netns').filter((name) => name.startsWith(network.id))).toEqual([]);
});
