import type { Shard, ShardCopy } from '#crds/v1alpha1/index.ts';

/**
 * A shard's configuration: which copies there are, and the numbers that fence them. Every function here is one legal step
 * and returns a new configuration, or null when the step is not allowed. No step removes the last in-sync copy.
 */
export interface ShardConfig {
  primaryTerm: number;
  configVersion: number;
  copies: ShardCopy[];
}

/** The configuration in a Shard's status. */
export function configOf(shard: Shard): ShardConfig {
  const { primaryTerm, configVersion, copies } = shard.status ?? {};
  return { primaryTerm: primaryTerm ?? 0, configVersion: configVersion ?? 0, copies: copies ?? [] };
}

/** First copies on these nodes, the primary's first. Nothing is in sync before all of them exist. */
export function placeFirst(config: ShardConfig, nodes: string[], ids: string[]): ShardConfig | null {
  if (config.primaryTerm > 0 || config.copies.length > 0 || nodes.length === 0) return null;
  const copies = nodes.map((node, i): ShardCopy => ({
    node,
    role: i === 0 ? 'Primary' : 'Replica',
    inSync: false,
    allocationId: ids[i]!,
  }));
  return { ...config, copies };
}

/** Takes first copies back that could not all be made: there was never a write, so nothing is lost. */
export function unplace(config: ShardConfig): ShardConfig | null {
  return config.primaryTerm === 0 && config.copies.length > 0 ? { ...config, copies: [] } : null;
}

/** Every first copy exists and is empty: they are equal, so all are in sync, and the first term begins. */
export function activate(config: ShardConfig): ShardConfig | null {
  if (config.primaryTerm > 0 || config.copies.length === 0) return null;
  return { ...config, primaryTerm: 1, copies: config.copies.map((copy) => ({ ...copy, inSync: true })) };
}

/** A replica can't keep up: it goes on as Joining until it has caught up. Never the primary, so never the last. */
export function removeFromInSync(config: ShardConfig, node: string): ShardConfig | null {
  const copy = config.copies.find((candidate) => candidate.node === node);
  if (copy === undefined || !copy.inSync || copy.role === 'Primary') return null;
  return change(config, { ...copy, role: 'Joining', inSync: false });
}

/** A Joining copy has everything: from now on writes wait for it. */
export function addToInSync(config: ShardConfig, node: string): ShardConfig | null {
  const copy = config.copies.find((candidate) => candidate.node === node);
  if (copy?.role !== 'Joining') return null;
  return change(config, { ...copy, role: 'Replica', inSync: true });
}

/** The copy's data is lost or damaged: an empty Joining copy takes its place, if another in-sync copy is left to fill it. */
export function replaceLost(config: ShardConfig, node: string, newId: string): ShardConfig | null {
  const copy = config.copies.find((candidate) => candidate.node === node);
  const others = config.copies.some((other) => other.node !== node && other.inSync && other.role === 'Primary');
  if (copy === undefined || copy.role === 'Primary' || !others) return null;
  return change(config, { node, role: 'Joining', inSync: false, allocationId: newId });
}

/** Another in-sync copy becomes the primary in a new term; the old primary's copy goes on as Joining. */
export function promote(config: ShardConfig, node: string, oldPrimaryId: string): ShardConfig | null {
  const copy = config.copies.find((candidate) => candidate.node === node);
  if (copy === undefined || !copy.inSync || copy.role === 'Primary') return null;
  const copies = config.copies.map((other): ShardCopy => {
    if (other.node === node) return { ...other, role: 'Primary' };
    return other.role === 'Primary'
      ? { node: other.node, role: 'Joining', inSync: false, allocationId: oldPrimaryId }
      : other;
  });
  return { ...config, primaryTerm: config.primaryTerm + 1, copies };
}

/**
 * The primary's node is dead: an in-sync copy becomes the primary in a new term. The old primary's copy and those on other dead nodes leave the
 * in-sync set and keep their data, so that they may catch up when they come back. The new primary's copy is always left.
 */
export function failOverTo(config: ShardConfig, node: string, dead: ReadonlySet<string>): ShardConfig | null {
  const heir = config.copies.find((candidate) => candidate.node === node);
  if (config.primaryTerm === 0 || heir === undefined || !heir.inSync || heir.role === 'Primary') return null;
  const copies = config.copies.map((copy): ShardCopy => {
    if (copy === heir) return { ...copy, role: 'Primary' };
    return copy.role === 'Primary' || dead.has(copy.node) ? { ...copy, role: 'Joining', inSync: false } : copy;
  });
  return { ...config, primaryTerm: config.primaryTerm + 1, copies };
}

/** A planned change of primary: the old one has drained itself, so its copy equals the new one's and stays in sync. */
export function handOver(config: ShardConfig, node: string): ShardConfig | null {
  const heir = config.copies.find((candidate) => candidate.node === node);
  if (config.primaryTerm === 0 || heir === undefined || !heir.inSync || heir.role === 'Primary') return null;
  const copies = config.copies.map((copy): ShardCopy => {
    if (copy === heir) return { ...copy, role: 'Primary' };
    return copy.role === 'Primary' ? { ...copy, role: 'Replica' } : copy;
  });
  return { ...config, primaryTerm: config.primaryTerm + 1, copies };
}

/** One more copy, to be filled from the primary. */
export function addJoining(config: ShardConfig, node: string, newId: string): ShardConfig | null {
  if (config.primaryTerm === 0 || config.copies.some((copy) => copy.node === node)) return null;
  return { ...config, copies: [...config.copies, { node, role: 'Joining', inSync: false, allocationId: newId }] };
}

/** One copy less. Never the primary, so an in-sync copy is always left. */
export function removeCopy(config: ShardConfig, node: string): ShardConfig | null {
  const copy = config.copies.find((candidate) => candidate.node === node);
  if (copy === undefined || copy.role === 'Primary') return null;
  return { ...config, copies: config.copies.filter((other) => other !== copy) };
}

function change(config: ShardConfig, copy: ShardCopy): ShardConfig {
  return { ...config, copies: config.copies.map((other) => (other.node === copy.node ? copy : other)) };
}
