export type Form = 'json' | 'table' | 'metadata';

/** The media types of an Accept header, most wanted first, parameters included. */
function accepted(accept: string): { type: string; parameters: Map<string, string> }[] {
  return accept.split(',').map((part) => {
    const [type = '', ...rest] = part
      .trim()
      .split(';')
      .map((piece) => piece.trim());
    return {
      type,
      parameters: new Map(rest.map((piece) => [piece.split('=')[0] ?? '', piece.slice(piece.indexOf('=') + 1)])),
    };
  });
}

/** How a client wants objects: as they are, as a table, or their metadata only. Null: nothing that we can write. */
export function negotiate(accept: string | undefined): Form | null {
  if (accept === undefined || accept === '') return 'json';
  for (const { type, parameters } of accepted(accept)) {
    if (type !== 'application/json' && type !== '*/*' && type !== 'application/*' && type !== 'application/yaml')
      continue;
    const form = parameters.get('as');
    if (form === undefined) return 'json';
    const version = parameters.get('v');
    if (form === 'Table' && version === 'v1') return 'table';
    if ((form === 'PartialObjectMetadata' || form === 'PartialObjectMetadataList') && version === 'v1')
      return 'metadata';
  }
  return null;
}

/** True when the client prefers discovery in one answer. */
export const wantsAggregated = (accept: string | undefined): boolean =>
  accepted(accept ?? '').some(
    ({ type, parameters }) =>
      type === 'application/json' && parameters.get('as') === 'APIGroupDiscoveryList' && parameters.get('v') === 'v2',
  );
