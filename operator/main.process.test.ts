import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { stringify } from 'yaml';
import { until } from './testing/fixtures.ts';

let home = '';
const children: ChildProcess[] = [];
beforeAll(() => {
  home = mkdtempSync(join(tmpdir(), 'annulus-operator-'));
});
afterAll(() => {
  for (const child of children) child.kill('SIGKILL');
  rmSync(home, { recursive: true });
});

interface Run {
  output: () => string;
  kill: (signal: NodeJS.Signals) => void;
  ended: Promise<number | null>;
}

function run(args: string[], env: Record<string, string> = {}): Run {
  const child = spawn(process.execPath, [join(import.meta.dirname, 'main.ts'), ...args], {
    env: { PATH: process.env['PATH'], ANNULUS_METRICS_PORT: '0', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  children.push(child);
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (output += chunk.toString()));
  const ended = new Promise<number | null>((resolve) => child.on('close', resolve));
  return { output: () => output, kill: (signal) => child.kill(signal), ended };
}

/** An API server that answers discovery only: `served` says with what. */
async function discovery(served: () => string[]): Promise<{ server: Server; kubeconfig: string }> {
  const server = createServer((_request, response) => {
    const resources = served().map((name) => ({ name }));
    response.writeHead(resources.length > 0 ? 200 : 404).end(JSON.stringify({ resources }));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const kubeconfig = join(home, `kubeconfig-${port}`);
  const config = {
    'current-context': 'x',
    contexts: [{ name: 'x', context: { cluster: 'x' } }],
    clusters: [{ name: 'x', cluster: { server: `http://127.0.0.1:${port}` } }],
  };
  writeFileSync(kubeconfig, stringify(config));
  return { server, kubeconfig };
}

describe('the operator as a program', () => {
  test('says what is wrong with how it was started, and ends', async () => {
    const flags = run(['--nonsense']);
    expect(await flags.ended).toBe(2);
    expect(flags.output()).toMatch(/operator: .*--nonsense/);
    const nowhere = run([], { KUBECONFIG: join(home, 'nowhere') });
    expect(await nowhere.ended).toBe(1);
    expect(nowhere.output()).toContain('cannot be read: ENOENT');
    const alone = run([]);
    expect(await alone.ended).toBe(1);
    expect(alone.output()).toContain('set KUBECONFIG');
  });

  test('waits for missing CRDs, saying so, and ends in order on SIGTERM', async () => {
    const { server, kubeconfig } = await discovery(() => []);
    const operator = run(['--kubeconfig', kubeconfig]);
    await until('complaint', () => operator.output().includes('does not know VectorCluster: install the CRDs'));
    operator.kill('SIGTERM');
    expect(await operator.ended).toBe(0);
    server.close();
  });
});
