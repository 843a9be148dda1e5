/** What to run for an image: the program and its first arguments. */
export interface ImageProgram {
  readonly command: readonly string[];
}

/** Gives an image's program, or undefined when there is no such image here. */
export type ImageTable = (image: string) => ImageProgram | undefined;

const KNOWN_TAG = /^(latest|local|dev|next|test|edge|v?\d+(\.\d+)*([-.+_][\w.-]+)?)$/;

/** Splits `registry/repository:tag@digest`; the tag defaults to latest. */
export function parseImage(image: string): { repository: string; tag: string } {
  const [withoutDigest = ''] = image.split('@');
  const colon = withoutDigest.lastIndexOf(':');
  if (colon <= withoutDigest.lastIndexOf('/')) return { repository: withoutDigest, tag: 'latest' };
  return { repository: withoutDigest.slice(0, colon), tag: withoutDigest.slice(colon + 1) };
}

/**
 * The images of this machine: every version of `annulus…` is the checked-out node-agent. Tags that are no version
 * and no usual word are missing, as they would be in a registry.
 */
export function annulusImages(command: readonly string[]): ImageTable {
  return (image) => {
    const { repository, tag } = parseImage(image);
    const name = repository.split('/').at(-1) ?? '';
    return name.startsWith('annulus') && KNOWN_TAG.test(tag) ? { command } : undefined;
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
