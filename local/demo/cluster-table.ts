import { readFileSync } from 'node:fs';
import { request } from 'node:https';
import { parse } from 'yaml';
import { asArray, asObject, asString } from '#local/kube-api/json.ts';
import type { Json } from '#local/kube-api/json.ts';
import { textTable } from './screen.ts';

/** The table that kubectl asks of the API server. */
const TABLE = 'application/json;as=Table;v=v1;g=meta.k8s.io';
const TIMEOUT_MS = 10_000;

/** Lines of `kubectl get <resource> -o wide` in the namespace default, made of the API server's own table. */
export async function clusterTable(kubeconfig: string, path: string): Promise<string[]> {
  const config = asObject(parse(readFileSync(kubeconfig, 'utf8')) as Json);
  const cluster = asObject(asObject(asArray(config['clusters'])[0])['cluster']);
  const user = asObject(asObject(asArray(config['users'])[0])['user']);
  const ca = Buffer.from(asString(cluster['certificate-authority-data']), 'base64');
  const table = asObject(await get(`${asString(cluster['server'])}${path}`, ca, asString(user['token'])));
  const header = asArray(table['columnDefinitions']).map((column) => asString(asObject(column)['name']).toUpperCase());
  const rows = asArray(table['rows']).map((row) =>
    asArray(asObject(row)['cells']).map((cell) => (cell === null || cell === undefined ? '' : String(cell))),
  );
  return textTable(header, rows);
}

function get(url: string, ca: Buffer, token: string): Promise<Json> {
  return new Promise((resolve, reject) => {
    const headers = { authorization: `Bearer ${token}`, accept: TABLE };
    const sent = request(url, { ca, headers, agent: false, signal: AbortSignal.timeout(TIMEOUT_MS) }, (response) => {
      const parts: Buffer[] = [];
      response.on('data', (part: Buffer) => parts.push(part));
      response.on('error', reject);
      response.on('end', () => resolve(JSON.parse(Buffer.concat(parts).toString('utf8')) as Json));
    });
    sent.on('error', reject);
    sent.end();
  });
}
