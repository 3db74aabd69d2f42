import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    testTimeout: 20_000,
    hookTimeout: 60_000,
    projects: [
      {
        extends: true,
        test: {
          // Most of a file's time is waiting: by default two processors would run one at a time.
          name: 'all',
          maxWorkers: 4,
          include: ['test/**/*.test.ts'],
          exclude: ['test/node/**', 'test/soak/fire.test.ts', 'test/model/**'],
          globalSetup: ['test/support/global-setup.ts'],
          sequence: { groupOrder: 0 },
        },
      },
      {
        extends: true,
        test: {
          // On real nodes, after the others. Each file has a cluster of its own and mostly waits: all at once.
          name: 'node',
          maxWorkers: 4,
          include: ['test/node/*.test.ts'],
          exclude: ['test/node/traffic.test.ts', 'test/node/detection.test.ts'],
          globalSetup: ['test/support/node-setup.ts'],
          sequence: { groupOrder: 1 },
          testTimeout: 180_000,
          hookTimeout: 120_000,
        },
      },
      {
        extends: true,
        test: {
          // Beside the nodes, which mostly wait, and with as many workers: vitest wants that of a group.
          name: 'long',
          maxWorkers: 4,
          include: ['test/soak/fire.test.ts', 'test/model/*.test.ts'],
          sequence: { groupOrder: 1 },
        },
      },
      {
        extends: true,
        test: {
          // Alone on the machine: it tells of milliseconds.
          name: 'traffic',
          include: ['test/node/traffic.test.ts', 'test/node/detection.test.ts'],
          maxWorkers: 1,
          globalSetup: ['test/support/node-setup.ts'],
          sequence: { groupOrder: 2 },
          hookTimeout: 300_000,
        },
      },
    ],
  },
})
