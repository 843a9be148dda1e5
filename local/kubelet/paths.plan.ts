/** A container's mount path and the folder of this machine that stands for it. */
export interface MappedPath {
  readonly containerPath: string;
  readonly folder: string;
}

const escaped = (text: string): string => text.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&');

/**
 * Replaces mount paths in a value or argument by their folders: where the path stands alone, or as the beginning of a
 * longer path, after the start, `=`, `:`, `,` or a space. The longest mount path wins.
 */
export function rewritePaths(text: string, paths: readonly MappedPath[]): string {
  if (paths.length === 0) return text;
  const byLength = [...paths].sort((a, b) => b.containerPath.length - a.containerPath.length);
  const pattern = new RegExp(
    `(^|[=:,\\s"'])(${byLength.map((path) => escaped(path.containerPath)).join('|')})(?=$|[/:,\\s"'])`,
    'g',
  );
  const folders = new Map(paths.map((path) => [path.containerPath, path.folder]));
  return text.replace(pattern, (_whole, before: string, path: string) => before + (folders.get(path) ?? path));
}
