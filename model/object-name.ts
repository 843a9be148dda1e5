import { hash } from 'node:crypto';

const MAX_LENGTH = 50;

/**
 * metadata.name for a collection that clients call `name` in `cluster`: readable, unique and a valid DNS subdomain.
 * The dot keeps (a, b-c) apart from (a-b, c): a cluster's name has none. A name that is a short DNS label stays as it is; any other
 * gets 8 hex digits of its hash.
 */
export function collectionObjectName(cluster: string, name: string): string {
  const readable = name
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-')
    .replaceAll(/^-+|-+$/g, '');
  const plain = `${cluster}.${readable}`;
  if (readable === name && plain.length <= MAX_LENGTH) return plain;
  const digest = hash('sha256', `${cluster}/${name}`, 'hex').slice(0, 8);
  return `${plain.slice(0, MAX_LENGTH - 9).replaceAll(/[-.]+$/g, '')}-${digest}`;
}

/** metadata.name of a Shard. */
export function shardObjectName(collectionObject: string, index: number): string {
  return `${collectionObject}-${index}`;
}
