import type { Patch } from './hooks.ts';

/** Bugs put in on purpose, by name: the simulator must find each of them. */
export const MUTANTS: Record<string, { about: string; patches: Patch[] }> = {};
