import type { KeyObject } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { DEFAULT_ANTI_ENTROPY_SECONDS } from './replication/anti-entropy.ts';
import { readGossipKey } from './membership/seal.ts';

const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;
const MAX_WORKERS = 64;
const DEFAULT_WORKERS = 4;

/** How a node was started; every value comes from the environment. */
export interface NodeConfig {
  cluster: string;
  clusterUID: string;
  namespace: string;
  /** Pod name. */
  node: string;
  /** IP address that all ports are bound to. */
  bind: string;
  dataDir: string;
  /** The cluster's shared secret for internal calls. */
  token: string;
  /** The cluster's Ed25519 private key, by which gossip is signed; null when the keys' folder has none. */
  gossipKey: KeyObject | null;
  workers: number;
  /** Bytes that this node may send for recoveries and resharding together, in MiB/s; null = what the cluster map says. */
  recoveryMibPerSecond: number | null;
  /** The copies of a shard are compared about so often; 600 when absent. */
  antiEntropySeconds?: number;
  logLevel: (typeof LOG_LEVELS)[number];
}

/** A setting is missing or wrong: said in one line, exit code 2. */
export class ConfigError extends Error {}

/** Reads the configuration; throws ConfigError that names every wrong variable. */
export function readConfig(env: Record<string, string | undefined>): NodeConfig {
  const problems: string[] = [];
  const required = (name: string, what: string): string => {
    const value = env[name]?.trim() ?? '';
    if (value === '') problems.push(`${name} is not set (${what})`);
    return value;
  };
  const config: NodeConfig = {
    cluster: required('ANNULUS_CLUSTER', 'name of the VectorCluster'),
    clusterUID: required('ANNULUS_CLUSTER_UID', 'metadata.uid of the VectorCluster'),
    namespace: required('ANNULUS_NAMESPACE', 'namespace of the VectorCluster'),
    node: required('ANNULUS_NODE', 'pod name'),
    bind: env['ANNULUS_BIND']?.trim() || '0.0.0.0',
    dataDir: required('ANNULUS_DATA_DIR', "folder for the node's data"),
    token: '',
    gossipKey: null,
    workers: whole(env, 'ANNULUS_WORKERS', Math.min(availableParallelism(), DEFAULT_WORKERS), MAX_WORKERS, problems),
    recoveryMibPerSecond: env['ANNULUS_RECOVERY_MIB_PER_SECOND']?.trim()
      ? whole(env, 'ANNULUS_RECOVERY_MIB_PER_SECOND', 1, 100_000, problems)
      : null,
    antiEntropySeconds: whole(env, 'ANNULUS_ANTI_ENTROPY_SECONDS', DEFAULT_ANTI_ENTROPY_SECONDS, 10_000_000, problems),
    logLevel: readLogLevel(env['ANNULUS_LOG_LEVEL'], problems),
  };
  const keysDir = required('ANNULUS_KEYS_DIR', "folder of the cluster's keys");
  if (keysDir !== '') {
    config.token = readToken(keysDir, problems);
    config.gossipKey = readKey(keysDir, problems);
  }
  if (problems.length > 0) throw new ConfigError(problems.join('; '));
  return config;
}

/** A whole number in 1..max. */
function whole(
  env: Record<string, string | undefined>,
  name: string,
  fallback: number,
  max: number,
  problems: string[],
): number {
  const text = env[name]?.trim();
  if (!text) return fallback;
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1 || value > max) {
    problems.push(`${name} is "${text}", not a whole number in 1..${max}`);
  }
  return value;
}

function readLogLevel(text: string | undefined, problems: string[]): NodeConfig['logLevel'] {
  if (!text) return 'info';
  const level = LOG_LEVELS.find((known) => known === text);
  if (!level) problems.push(`ANNULUS_LOG_LEVEL is "${text}", none of ${LOG_LEVELS.join(', ')}`);
  return level ?? 'info';
}

function readToken(keysDir: string, problems: string[]): string {
  const path = join(keysDir, 'token');
  try {
    const token = readFileSync(path, 'utf8').trim();
    if (token === '') problems.push(`${path} is empty (the cluster's token belongs there)`);
    return token;
  } catch (error) {
    problems.push(`${path} cannot be read (${error instanceof Error ? error.message : String(error)})`);
    return '';
  }
}

/** Clusters made before there was gossip have no such key. */
function readKey(keysDir: string, problems: string[]): KeyObject | null {
  const path = join(keysDir, 'ed25519.key');
  try {
    return existsSync(path) ? readGossipKey(readFileSync(path, 'utf8')) : null;
  } catch (error) {
    problems.push(
      `${path} is no Ed25519 key in PKCS #8 PEM (${error instanceof Error ? error.message : String(error)})`,
    );
    return null;
  }
}
