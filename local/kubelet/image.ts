/** An image's entry point: the command line that a container's arguments become. */
export type Entrypoint = (args: readonly string[]) => readonly string[];

/** Gives an image's entry point, or undefined when there is no such image here. */
export type ImageTable = (image: string) => Entrypoint | undefined;

const KNOWN_TAG = /^(latest|local|dev|next|test|edge|v?\d+(\.\d+)*([-.+_][\w.-]+)?)$/;

/** Splits `registry/repository:tag@digest`; the tag defaults to latest. */
export function parseImage(image: string): { repository: string; tag: string } {
  const [withoutDigest = ''] = image.split('@');
  const colon = withoutDigest.lastIndexOf(':');
  if (colon <= withoutDigest.lastIndexOf('/')) return { repository: withoutDigest, tag: 'latest' };
  return { repository: withoutDigest.slice(0, colon), tag: withoutDigest.slice(colon + 1) };
}

/**
 * The images of this machine: every version of `annulus…` is the checked-out code, and its first argument names the
 * program, as in the real image (without one: the first program). Tags that are no version and no usual word are
 * missing, as they would be in a registry.
 */
export function annulusImages(programs: Readonly<Record<string, readonly string[]>>): ImageTable {
  const entrypoint: Entrypoint = (args) => {
    const named = programs[args[0] ?? ''];
    return named === undefined ? [...(Object.values(programs)[0] ?? []), ...args] : [...named, ...args.slice(1)];
  };
  return (image) => {
    const { repository, tag } = parseImage(image);
    const name = repository.split('/').at(-1) ?? '';
    return name.startsWith('annulus') && KNOWN_TAG.test(tag) ? entrypoint : undefined;
  };
}

/** As containerd and the kubelet word it, with what to do about it here. */
export function missingImageMessage(image: string): string {
  const { repository, tag } = parseImage(image);
  const path = repository.includes('/') ? repository : `library/${repository}`;
  const reference = path.split('/')[0]?.includes('.') ? `${path}:${tag}` : `docker.io/${path}:${tag}`;
  return (
    `failed to pull and unpack image "${reference}": failed to resolve reference "${reference}": not found ` +
    '(embedded mode runs images named annulus with tag latest or a version; it pulls nothing)'
  );
}
