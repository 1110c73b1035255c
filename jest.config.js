/** Sources run as they are: swc strips the types, and the `@comm/source` condition resolves our packages to their sources. */
const shared = {
  rootDir: import.meta.dirname,
  extensionsToTreatAsEsm: ['.ts'],
  testEnvironment: 'node',
  testEnvironmentOptions: { customExportConditions: ['@comm/source', 'node', 'node-addons'] },
  transform: {
    '\\.ts$': [
      '@swc/jest',
      {
        jsc: {
          target: 'es2024',
          parser: { syntax: 'typescript', decorators: true },
          // Standard (TC39) decorators, for tests of `@subscribe`.
          transform: { decoratorVersion: '2022-03' },
        },
      },
    ],
  },
  modulePathIgnorePatterns: ['/dist/'],
}

/** Where `.ci/run` wants the totals of this run noted. */
const totalsFile = process.env.COMM_TEST_TOTALS_FILE

/** What needs a real kube-apiserver runs alone, by `pnpm test:kubernetes`: its first start takes minutes. */
const withKubernetes = process.env.COMM_TEST_KUBERNETES
  ? [{ ...shared, displayName: 'kubernetes', testMatch: ['<rootDir>/packages/*/test/kubernetes/**/*.test.ts'] }]
  : undefined

export default {
  // Many tests wait for a server more than they work: one worker less than there are cores would leave a small machine idle.
  maxWorkers: '100%',
  // On a busy machine a test that works for a second may take ten. Nothing waits for this limit unless something hangs.
  testTimeout: 60_000,
  reporters: ['default', ...(totalsFile ? [['<rootDir>/.ci/totals-reporter.ts', { file: totalsFile }]] : [])],
  projects: withKubernetes ?? [
    {
      ...shared,
      displayName: 'unit',
      testMatch: [
        '<rootDir>/packages/*/test/**/*.test.ts',
        '<rootDir>/.ci/test/**/*.test.ts',
        '<rootDir>/bench/test/**/*.test.ts',
        '<rootDir>/examples/test/**/*.test.ts',
      ],
      testPathIgnorePatterns: ['/node_modules/', '/test/integration/', '/test/kubernetes/'],
    },
    {
      ...shared,
      displayName: 'integration',
      globalSetup: '<rootDir>/.ci/shared-servers-setup.ts',
      globalTeardown: '<rootDir>/.ci/shared-servers-teardown.ts',
      testMatch: [
        '<rootDir>/packages/*/test/integration/**/*.test.ts',
        '<rootDir>/examples/test/integration/**/*.test.ts',
        '<rootDir>/apps/*/test/**/*.test.ts',
      ],
    },
  ],
}
