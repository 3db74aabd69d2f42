import { defineConfig } from 'vitest/config'
import { BaseSequencer, type TestSpecification } from 'vitest/node'

/**
 * What begins last is waited for, so folders come by how long their files take, and the many short ones at the end;
 * within a folder the larger files first, or what took longest where vitest knows of an earlier run. Those named before
 * them wait for a CronJob's minutes, or are what there is to compute meanwhile.
 */
const ORDER = [
  ...['node/install', 'node/trouble', 'node/traffic', 'node/detection', 'model/complete', 'model/untidy', 'soak/fire'],
  ...['node', 'model', 'simulation', 'soak', 'properties', 'recipes', 'cluster', 'jobs', 'support', 'release'],
  ...['serve', 'commands', 'screens', 'contract', 'pass', 'unit', 'bench', 'map'],
]

/**
 * For the programs in Go that the tests start, kubectl and the API server above all: they collect their garbage a quarter
 * as often, which is up to a sixth of their work, and take a third more memory.
 */
process.env.GOGC ??= '400'

class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const place = ({ moduleId }: TestSpecification) => ORDER.findIndex((part) => moduleId.includes(`/test/${part}`))
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
          // Most of a file's time is waiting: by default two processors would run one at a time. No file leaves anything
          // behind for the next, and many take less time than to load the programs again.
          name: 'all',
          maxWorkers: 4,
          isolate: false,
          include: ['test/**/*.test.ts'],
          exclude: [...IN_PROCESS, 'test/node/**', 'test/soak/fire.test.ts', 'test/model/**'],
          globalSetup: ['test/support/global-setup.ts'],
          sequence: { groupOrder: 0 },
        },
      },
      {
        extends: true,
        test: {
          // Beside the others, and alike.
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
          // Beside the nodes, which mostly wait, and with as many workers: vitest wants that of a group. They compute, and
          // a pod that gets no processor is not Ready for a moment.
          name: 'long',
          maxWorkers: 4,
          setupFiles: ['test/support/give-way.ts'],
          include: ['test/soak/fire.test.ts', 'test/model/*.test.ts'],
          exclude: ['test/model/mutants.test.ts'],
          sequence: { groupOrder: 1 },
        },
      },
      {
        extends: true,
        test: {
          // When nothing else runs but what gives way to it: they tell of milliseconds, and mostly wait.
          name: 'traffic',
          maxWorkers: 3,
          include: ['test/node/traffic.test.ts', 'test/node/detection.test.ts'],
          globalSetup: ['test/support/node-setup.ts'],
          sequence: { groupOrder: 2 },
          hookTimeout: 300_000,
        },
      },
      {
        extends: true,
        test: {
          name: 'mutants',
          maxWorkers: 3,
          setupFiles: ['test/support/give-way.ts'],
          include: ['test/model/mutants.test.ts'],
          sequence: { groupOrder: 2 },
        },
      },
    ],
  },
})
