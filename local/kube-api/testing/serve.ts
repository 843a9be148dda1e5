import { pino } from 'pino';
import { ensureCredentials } from '../credentials.ts';
import { startKubeApi } from '../server.ts';

/** A server in a process of its own, for tests that kill it: `node serve.ts <folder>` prints its URL. */
const folder = process.argv[2] ?? '.';
const { token, tls } = await ensureCredentials(`${folder}/credentials`);
const api = await startKubeApi({ dataDir: `${folder}/data`, port: 0, token, tls, logger: pino({ level: 'silent' }) });
process.stdout.write(`${api.url}\n`);
