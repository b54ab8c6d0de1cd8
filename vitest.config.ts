import { defineConfig } from 'vitest/config';

// A file for the results, for whoever counts them; none by default.
const report = process.env.HEDDLE_TEST_REPORT;

export default defineConfig({
  test: {
    include: ['**/*.test.ts'],
    exclude: ['node_modules/**', 'ui/dist/**', 'test/interop/**', 'test/kube/**'],
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: 20_000,
    hookTimeout: 20_000,
    reporters: report === undefined ? ['default'] : ['default', ['json', { outputFile: report }]],
  },
});
