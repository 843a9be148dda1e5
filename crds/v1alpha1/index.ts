export * from './common.ts';
export * from './vector-cluster.ts';
export * from './collection.ts';
export * from './shard.ts';
export * from './workspace.ts';
