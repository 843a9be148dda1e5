import { parentPort, workerData } from 'node:worker_threads';
import type { Request, WorkerMessage, WorkerStart } from './messages.ts';
import { ShardWorker } from './shard-worker.ts';

// Entry of a shard worker thread.
const port = parentPort;
if (port === null) throw new Error('shard/worker.ts runs as a worker thread only');

// workerData is what worker-client.ts gave: the type is shared by messages.ts.
const start = workerData as WorkerStart;
const worker = new ShardWorker(start, (message: WorkerMessage, transfer) => port.postMessage(message, transfer));
port.on('message', (requests: Request[]) => worker.receive(requests));
