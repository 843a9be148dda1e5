import { crc32 } from 'node:zlib';
import { setTimeout as sleep } from 'node:timers/promises';
import type { GraphOffer, GraphPart } from '../shard/shard-host.ts';
import { GRAPH_PART_BYTES, GRAPH_WINDOW_PARTS } from './limits.ts';
import type { Throttle } from './throttle.ts';

/** What sending a graph needs. `send` tells why the target does not want it, empty = it does. */
export interface GraphRoute {
  read(file: string, offset: number, length: number): Promise<Uint8Array>;
  send(part: GraphPart): Promise<string>;
  throttle: Throttle;
}

/** Sends the offered file in parts, a few on their way at once. Gives why the target is without it, empty = it has it; rejects when sending fails. */
export async function sendGraph({ read, send, throttle }: GraphRoute, offer: GraphOffer): Promise<string> {
  const answers: Promise<string>[] = [];
  for (let offset = 0; offset < offer.bytes; offset += GRAPH_PART_BYTES) {
    const length = Math.min(GRAPH_PART_BYTES, offer.bytes - offset);
    const data = await read(offer.file, offset, length).catch(() => null);
    if (data?.length !== length) {
      await Promise.allSettled(answers);
      return 'the file is gone at the source';
    }
    const now = performance.now();
    const waitMs = throttle.reserve(length, now);
    if (waitMs > 0) await sleep(waitMs);
    const answer = send({ offer, offset, data, dataCrc32: crc32(data) });
    answer.catch(() => undefined);
    answers.push(answer);
    if (answers.length < GRAPH_WINDOW_PARTS) continue;
    const refused = await answers.shift()!;
    if (refused !== '') return refused;
  }
  return (await Promise.all(answers)).find((refused) => refused !== '') ?? '';
}
