// Node's own type stripping is the only transform, so tests run the code that production runs.
/** @type {import('jest').Config} */
export default {
  testEnvironment: 'node',
  extensionsToTreatAsEsm: ['.ts'],
  transform: { '\\.ts$': '<rootDir>/scripts/jest-strip-types.js' },
  testMatch: ['**/*.test.ts'],
  modulePathIgnorePatterns: ['<rootDir>/.annulus', '<rootDir>/dist'],
  maxWorkers: 2,
  testTimeout: 30_000,
};
