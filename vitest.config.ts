import { defineConfig } from 'vitest/config'
import { BaseSequencer, type TestSpecification } from 'vitest/node'

/** By how long they take. What begins last is waited for, so these begin first. */
const LONGEST = [
  'node/trouble',
  'node/install',
  'cluster/rivals',
  'soak/fire',
  'model/complete',
  'model/untidy',
  'soak/serve',
  'node/alerting',
  'node/workloads',
  'model/bounded',
  'cluster/replicas',
  'cluster/server-side-apply',
  'serve/crowd',
  'cluster/cases-labels',
  'cluster/neighbours',
  'cluster/cases-no-active',
  'cluster/cases-admission',
]

class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const place = ({ moduleId }: TestSpecification) => {
      const at = LONGEST.findIndex((name) => moduleId.endsWith(`test/${name}.test.ts`))
      return at < 0 ? LONGEST.length : at
    }
    return (await super.sort(files)).sort((a, b) => place(a) - place(b))
  }
}

/** Decisions and what is around them: no file leaves anything behind for the next. */
const IN_PROCESS = [
  'test/unit/**/*.test.ts',
  'test/properties/*.test.ts',
  'test/pass/*.test.ts',
  'test/simulation/*.test.ts',
  'test/map/*.test.ts',
]

export default defineConfig({
  test: {
    testTimeout: 20_000,
    hookTimeout: 60_000,
    sequence: { sequencer: LongestFirst },
    projects: [
      {
        extends: true,
        test: {
          // Most of a file's time is waiting: by default two processors would run one at a time.
          name: 'all',
          maxWorkers: 4,
          include: ['test/**/*.test.ts'],
          exclude: [...IN_PROCESS, 'test/node/**', 'test/soak/fire.test.ts', 'test/model/**'],
          globalSetup: ['test/support/global-setup.ts'],
          sequence: { groupOrder: 0 },
        },
      },
      {
        extends: true,
        test: {
          // Beside the others. To load the program again for each file would take as long as these tests do.
          name: 'unit',
          maxWorkers: 4,
          isolate: false,
          include: IN_PROCESS,
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
          // When nothing else runs: they tell of milliseconds. Both mostly wait.
          name: 'traffic',
          include: ['test/node/traffic.test.ts', 'test/node/detection.test.ts'],
          maxWorkers: 2,
          globalSetup: ['test/support/node-setup.ts'],
          sequence: { groupOrder: 2 },
          hookTimeout: 300_000,
        },
      },
    ],
  },
})
