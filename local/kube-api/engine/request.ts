import type { FieldValidation } from './decode.ts';

/** What a write carries beside its body. */
export interface WriteRequest {
  readonly dryRun: boolean;
  readonly fieldManager: string;
  readonly fieldValidation: FieldValidation;
  readonly warn: (text: string) => void;
}

/** Things that the engine must not take from the world itself. */
export interface Environment {
  /** RFC 3339 in UTC, seconds. */
  now(): string;
  /** [0, 1) */
  random(): number;
  uuid(): string;
}

export type Subresource = 'status' | 'scale' | undefined;
