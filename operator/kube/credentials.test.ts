import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { stringify } from 'yaml';
import { loadConnection } from './credentials.ts';

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'annulus-credentials-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

function kubeconfig(user: object, cluster: object = {}): string {
  const path = join(folder, 'kubeconfig');
  const config = {
    'current-context': 'here',
    contexts: [{ name: 'here', context: { cluster: 'c', user: 'u', namespace: 'mine' } }],
    clusters: [{ name: 'c', cluster: { server: 'https://127.0.0.1:6443/', ...cluster } }],
    users: [{ name: 'u', user }],
  };
  writeFileSync(path, stringify(config));
  return path;
}

describe('kubeconfig', () => {
  test('a token and a certificate authority', async () => {
    const data = Buffer.from('CA').toString('base64');
    const connection = await loadConnection(kubeconfig({ token: 't' }, { 'certificate-authority-data': data }), {});
    expect(connection.server).toBe('https://127.0.0.1:6443');
    expect(connection.namespace).toBe('mine');
    expect(await connection.credentials()).toEqual({ ca: Buffer.from('CA'), headers: { authorization: 'Bearer t' } });
  });

  test('a client certificate in files beside the kubeconfig', async () => {
    writeFileSync(join(folder, 'crt'), 'CERT');
    writeFileSync(join(folder, 'key'), 'KEY');
    const user = { 'client-certificate': 'crt', 'client-key': 'key' };
    const connection = await loadConnection(kubeconfig(user, { 'insecure-skip-tls-verify': true }), {});
    expect(await connection.credentials()).toEqual({
      cert: Buffer.from('CERT'),
      key: Buffer.from('KEY'),
      rejectUnauthorized: false,
      headers: {},
    });
  });

  test('a token file is read again after a minute', async () => {
    const file = join(folder, 'token');
    let now = 0;
    writeFileSync(file, 'one\n');
    const connection = await loadConnection(kubeconfig({ tokenFile: 'token' }), {}, () => now);
    const token = async (): Promise<string | undefined> => (await connection.credentials()).headers['authorization'];
    expect(await token()).toBe('Bearer one');
    writeFileSync(file, 'two\n');
    now = 60_000;
    expect(await token()).toBe('Bearer one');
    now = 60_001;
    expect(await token()).toBe('Bearer two');
  });

  test('an exec plugin goes through client-node', async () => {
    const exec = {
      apiVersion: 'client.authentication.k8s.io/v1',
      command: process.execPath,
      args: [
        '-e',
        'console.log(JSON.stringify({apiVersion:"client.authentication.k8s.io/v1",kind:"ExecCredential",status:{token:"by-plugin"}}))',
      ],
      interactiveMode: 'Never',
    };
    const connection = await loadConnection(kubeconfig({ exec }), {});
    expect(connection.namespace).toBe('mine');
    expect((await connection.credentials()).headers['authorization']).toBe('Bearer by-plugin');
  });

  test('what is wrong is said', async () => {
    await expect(loadConnection(join(folder, 'nowhere'), {})).rejects.toThrow(/cannot be read.*ENOENT/);
    await expect(loadConnection(undefined, {})).rejects.toThrow(/set KUBECONFIG/);
    const broken = join(folder, 'broken');
    writeFileSync(broken, stringify({ 'current-context': 'x', contexts: [] }));
    await expect(loadConnection(broken, {})).rejects.toThrow('has no context "x"');
    await expect(loadConnection(kubeconfig({}, { server: 'ftp://x' }), {})).rejects.toThrow('not an http(s) URL');
  });
});
