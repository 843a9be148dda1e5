/** What the planner needs to know of a data pod. */
export interface PlacementNode {
  name: string;
  /** Failure domain: the value of the cluster's topologyKey; nodes without one share the domain ''. */
  zone: string;
  /** Keeps its copies and takes no new ones. */
  cordoned: boolean;
  /** Gives its copies away and takes no new ones. */
  draining: boolean;
  /** Gone for good: its copies do not count. */
  dead: boolean;
  /** Not connected just now: cordoned, at least until it is back. */
  away?: boolean;
}

/** One copy of a shard as the Shard's status says it. */
export interface PlacementCopy {
  node: string;
  role: 'Primary' | 'Replica' | 'Joining';
  inSync: boolean;
  /** A person wants it to stay (annotation annulus.dev/pin). */
  pinned: boolean;
}

/** A shard with its copies; one without copies is a new one. */
export interface PlacementShard {
  name: string;
  /** Text whose hash is the shard's place on the ring; it must never change. */
  key: string;
  replicationFactor: number;
  copies: PlacementCopy[];
  /** Copies beyond replicationFactor stay for now: other shards are about to get the same factor, and then all are chosen together. */
  keepSurplus?: boolean;
  /** A person wants the copy on one node to be on another, which has none and takes it. */
  manual?: { from: string; to: string };
  /** Why none of its copies may move now; missing copies are made all the same. */
  hold?: 'MigrationFailedRecently' | 'Resharding' | 'WaitingForNodes';
}

/** The parts of VectorCluster.spec that steer placement. */
export interface PlacementSettings {
  /** Points of each node on the ring. */
  virtualNodes: number;
  /** A node takes at most ceil(maxLoad x its fair share) copies; 1 or more. */
  maxLoad: number;
  /** Copies move for balance when a node is this many percent away from its fair share. */
  maxImbalancePercent: number;
  /** Copies on their way at one time. */
  maxConcurrentMigrations: number;
  /** False: nothing moves for balance; repairs and drains go on. */
  automatic: boolean;
}

/** A copy on its way: from a node (absent when it replaces a lost copy) to another. */
export interface RunningMigration {
  shard: string;
  from?: string;
  to: string;
}

/**
 * Why a copy should move.
 * Remove: more copies than wanted. Repair: a copy is missing. Drain: its node gives its copies away.
 * Spread: two copies share a zone while another zone has none. Balance: its node has too many or another too few.
 * Manual: a person says so.
 */
export type MoveKind = 'Remove' | 'Repair' | 'Manual' | 'Drain' | 'Spread' | 'Balance';

/** One wanted change of a shard's copies. */
export interface Move {
  kind: MoveKind;
  shard: string;
  /** Node that loses its copy; absent in a Repair of a copy that no node had. */
  from?: string;
  /** Node that gets the copy; absent in a Remove, and where no node can take it. */
  to?: string;
}

/** Constant reasons why a wanted move may not start now: shown in conditions, events and metric labels as they are. */
export type BlockedReason =
  | 'NotEnoughNodes'
  | 'Pinned'
  | 'NoInSyncCopy'
  | 'LastInSyncReplica'
  | 'ShardIsMigrating'
  | 'MigrationFailedRecently'
  | 'Resharding'
  | 'WaitingForNodes'
  | 'AutomaticRebalanceOff'
  | 'MigrationBudgetReached';

/** Everything that a plan follows from. */
export interface PlanInput {
  nodes: readonly PlacementNode[];
  shards: readonly PlacementShard[];
  settings: PlacementSettings;
  running: readonly RunningMigration[];
}

/** Every wanted move, the ones that may start now, and the others with the reason; wish = allowed + blocked. */
export interface Plan {
  wish: Move[];
  allowed: Move[];
  blocked: { move: Move; reason: BlockedReason }[];
}

/** Where a new shard's first copies go. */
export interface NewPlacement {
  shard: string;
  /** Distinct nodes, the primary's first; fewer than replicationFactor only where `blocked` says why. */
  nodes: string[];
  blocked?: 'NotEnoughNodes';
}
