import { defineConfig } from 'vitest/config';

const report = process.env.HEDDLE_TEST_REPORT;

// Tests against programs that nobody here wrote. They install what they need by name, or report it as skipped.
export default defineConfig({
  test: {
    include: ['test/interop/**/*.test.ts'],
    pool: 'forks',
    maxWorkers: 1,
    testTimeout: 60_000,
    hookTimeout: 200_000,
    reporters: report === undefined ? ['default'] : ['default', ['json', { outputFile: report }]],
  },
});
