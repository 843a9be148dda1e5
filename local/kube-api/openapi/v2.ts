import type { Registry } from '../engine/registry.ts';
import type { Json } from '../json.ts';

/** /openapi/v2 has no types: clients of this server's age read /openapi/v3, and older ones do without. */
export const openApiV2 = (_registry: Registry): Json => ({
  swagger: '2.0',
  info: { title: 'Annulus local Kubernetes API', version: 'v1.34' },
  paths: {},
  definitions: {},
});
