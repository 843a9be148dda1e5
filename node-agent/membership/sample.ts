/** Up to `count` of the items, each as likely as another. */
export function sample<T>(items: Iterable<T>, count: number, random: () => number): T[] {
  const all = [...items];
  const taken = Math.min(count, all.length);
  for (let i = 0; i < taken; i++) {
    const other = i + Math.floor(random() * (all.length - i));
    [all[i], all[other]] = [all[other]!, all[i]!];
  }
  return all.slice(0, taken);
}
