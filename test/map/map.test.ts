import { beforeAll, describe, expect, test } from 'vitest'
import { unusedExports } from './exports.js'
import { arrowsUp, folderCircles } from './folders.js'
import { measureFunctions } from './functions.js'
import { circles, floors, type Graph, graphOf, longestChain } from './graph.js'
import { importsAmong } from './imports.js'
import { broken, type Figures, figures, LIMITS } from './limits.js'
import { readSources } from './read.js'
import { type Survey, survey } from './survey.js'
import { parse, type Trees } from './syntax.js'
import { toText } from './text.js'

function trees(texts: Readonly<Record<string, string>>): Promise<Trees> {
  return parse(new Map(Object.entries(texts)))
}

/** A graph of files with names of one letter: in `{ a: 'bc' }`, a imports b and c. */
function graph(imports: Readonly<Record<string, string>>): Graph {
  return new Map(Object.entries(imports).map(([file, imported]) => [file, new Set(imported)]))
}

describe('imports', () => {
  test('are found in every form, with the names that they use and the line of the path', async () => {
    const a = `import { one, type Two as Deux } from './one.js'
import type { Three } from '../handler/three.js'
import {
  four,
} from './sub/four.js'
import five, { type Cinq } from './five.js'
import * as six from './six.js'
import './seven.js'
export { eight as huit } from './eight.js'
export type * from './nine.js'
export const ten = async () => (await import('./ten.js')).ten
export let eleven: import('./eleven.js').Eleven
`
    const others = ['one', 'three', 'sub/four', 'five', 'six', 'seven', 'eight', 'nine', 'ten', 'eleven']
    const files = Object.fromEntries(others.map((name) => [`handler/${name}.ts`, 'export {}\n']))
    const found = importsAmong(await trees({ 'handler/a.ts': a, ...files }))
    expect(found.map(({ to, line, names }) => [to, line, names])).toEqual([
      ['handler/one.ts', 1, ['one', 'Two']],
      ['handler/three.ts', 2, ['Three']],
      ['handler/sub/four.ts', 5, ['four']],
      ['handler/five.ts', 6, ['default', 'Cinq']],
      ['handler/six.ts', 7, 'all'],
      ['handler/seven.ts', 8, []],
      ['handler/eight.ts', 9, ['eight']],
      ['handler/nine.ts', 10, 'all'],
      ['handler/ten.ts', 11, 'all'],
      ['handler/eleven.ts', 12, 'all'],
    ])
  })

  test('are none in comments, strings and templates, none of packages, and none of files elsewhere', async () => {
    const a = `// import { x } from './b.js'
/** {@link import('./b.js')} */
import { join } from 'node:path'
import { ofPackage } from 'b.js'
import { b } from './elsewhere.js'
/* export * from './b.js' */
export const text = "import './b.js'"
export const template = \`
import { b } from './b.js'
\`
export const pattern = /import('.\\/b.js')/
`
    expect(importsAmong(await trees({ 'handler/a.ts': a, 'handler/b.ts': 'export const b = 1\n' }))).toEqual([])
  })
})

describe('floors', () => {
  test('stand one above the highest file that is imported', () => {
    const found = graph({ a: 'bd', b: 'c', c: 'd', d: '', e: 'd', f: '' })
    expect(Object.fromEntries(floors(found))).toEqual({ a: 4, b: 3, c: 2, d: 1, e: 2, f: 1 })
    expect(longestChain(found)).toEqual(['a', 'b', 'c', 'd'])
  })

  test('are shared by the files of a circle, which counts as one file of a chain', () => {
    const found = graph({ a: 'b', b: 'c', c: 'bd', d: '' })
    expect(Object.fromEntries(floors(found))).toEqual({ a: 3, b: 2, c: 2, d: 1 })
    expect(longestChain(found)).toEqual(['a', 'c', 'd'])
  })

  test('are none without files', () => {
    expect(floors(graph({})).size).toBe(0)
    expect(longestChain(graph({}))).toEqual([])
  })
})

describe('circles', () => {
  test.each<[string, Readonly<Record<string, string>>, readonly string[]]>([
    ['none: two ways to the same file', { a: 'bc', b: 'd', c: 'd', d: '' }, []],
    ['two files', { a: 'b', b: 'a' }, ['ab']],
    ['a file that imports itself', { a: 'ab', b: '' }, ['a']],
    ['two rings that share a file', { a: 'b', b: 'ac', c: 'd', d: 'b' }, ['abcd']],
    ['two rings, one above the other', { a: 'b', b: 'ac', c: 'd', d: 'c' }, ['cd', 'ab']],
    ['a ring with what hangs on it', { a: 'b', b: 'c', c: 'bd', d: '' }, ['bc']],
    ['a ring that is closed late', { a: 'bd', b: 'c', c: 'a', d: 'c' }, ['abcd']],
  ])('%s', (_, imports, found) => {
    expect(circles(graph(imports)).map((files) => files.join(''))).toEqual(found)
  })

  test('are made by imports of types too', async () => {
    const { circles } = await survey(
      new Map([
        ['handler/a.ts', "import type { B } from './b.js'\nexport type A = B\n"],
        ['handler/b.ts', "export type { A } from './a.js'\nexport type B = 1\n"],
      ]),
    )
    expect(circles).toEqual([['handler/a.ts', 'handler/b.ts']])
  })
})

describe('folders', () => {
  const between = (from: string, to: string) => ({ from: `handler/${from}`, to: `handler/${to}`, line: 1, names: [] })

  test.each([
    ['kube/client.ts', 'health/probe.ts'],
    ['kube/auth/plugin.ts', 'settings/flags.ts'],
    ['serve/watch/reflector.ts', 'serve/app.ts'],
    ['serve/watch/reflector.ts', 'serve/telemetry/watches.ts'],
    ['cli/cli.ts', 'serve/http/routes.ts'],
    ['serve/serve.ts', 'index.ts'],
  ])('%s -> %s is an arrow up', (from, to) => {
    expect(arrowsUp([between(from, to)])).toHaveLength(1)
    expect(arrowsUp([between(to, from)])).toEqual([])
  })

  test.each([
    ['kube/client.ts', 'kube/auth/plugin.ts'],
    ['serve/watch/reflector.ts', 'serve/watch/queue.ts'],
    ['index.ts', 'main.ts'],
    ['util/clock.ts', 'elsewhere/clock.ts'],
    ['util/clock.ts', 'stray.ts'],
  ])('%s and %s stand neither above nor below each other', (from, to) => {
    expect(arrowsUp([between(from, to), between(to, from)])).toEqual([])
  })

  test('an arrow up counts once for two files', () => {
    expect(arrowsUp([between('util/a.ts', 'kube/b.ts'), between('util/a.ts', 'kube/b.ts')])).toHaveLength(1)
  })

  test('may be in a circle where no file is', () => {
    const imports = [
      between('util/a.ts', 'kube/b.ts'),
      between('kube/c.ts', 'util/d.ts'),
      between('kube/e.ts', 'util/d.ts'),
      between('cli/a.ts', 'cli/b.ts'),
    ]
    const files = graphOf(
      imports.flatMap(({ from, to }) => [from, to]),
      imports,
    )
    expect(circles(files)).toEqual([])
    expect(folderCircles(files)).toEqual([
      {
        folders: ['kube', 'util'],
        imports: [
          { from: 'kube', to: 'util', count: 2 },
          { from: 'util', to: 'kube', count: 1 },
        ],
      },
    ])
  })
})

describe('functions', () => {
  test('are counted from their first line to their closing brace, each with what is nested in it', async () => {
    const text = `/** Not counted. */
export async function outer(
  of: string,
): Promise<string> {
  const inner = () => {
    return '}'
  }
  return [of].map((one) => {
    return \`
}
\${inner()}\`
  })[0]
}
export class Box {
  constructor() {
    this.open()
  }

  open(): void {}

  get size(): number {
    return 1
  }
}
export function overloaded(): void
export function overloaded(of?: string): void {
  void of
}
export const expression = () => [
  1,
]
`
    const found = measureFunctions(await trees({ 'handler/a.ts': text }))
    expect(found.map(({ name, line, lines }) => [name, line, lines])).toEqual([
      ['outer', 2, 12],
      ['(in map(…))', 8, 5],
      ['inner', 5, 3],
      ['Box.constructor', 15, 3],
      ['Box.size', 21, 3],
      ['overloaded', 26, 3],
      ['Box.open', 19, 1],
    ])
  })

  test('of more than 70 lines are long', async () => {
    const ofLines = (name: string, lines: number) => `function ${name}() {\n${'  //\n'.repeat(lines - 2)}}\n`
    const found = await survey(new Map([['handler/a.ts', ofLines('short', 70) + ofLines('long', 71)]]))
    expect(found.longFunctions).toBe(1)
    expect(found.longestFunctions.map(({ name, line, lines }) => [name, line, lines])).toEqual([
      ['long', 71, 71],
      ['short', 1, 70],
    ])
  })
})

describe('exports', () => {
  const exporting = `export const one = 1, two = one
export function three(): void {}
export class Four {}
export interface Five {}
export type Six = 6
const seven = 7
export { seven, seven as eight }
export default seven
export const { nine, x: [ten] } = { nine: 9, x: [10] }
`

  test('are unused when no other file names them', async () => {
    const found = unusedExports(await trees({ 'handler/a.ts': exporting }), [])
    const names = ['one', 'two', 'three', 'Four', 'Five', 'Six', 'seven', 'eight', 'default', 'nine', 'ten']
    expect(found.map(({ name }) => name)).toEqual(names)
    expect(found.map(({ line }) => line)).toEqual([1, 1, 2, 3, 4, 5, 7, 7, 8, 9, 9])
  })

  test.each([
    ["import { one as eins, type Five } from './a.js'", ['one', 'Five']],
    ["import sieben from './a.js'", ['default']],
    ["export { eight } from './a.js'", ['eight']],
    ["import './a.js'", []],
  ])('%s uses what it names', async (text, used) => {
    const parsed = await trees({ 'handler/a.ts': exporting, 'handler/b.ts': text })
    const unused = unusedExports(parsed, importsAmong(parsed)).filter(({ file }) => file === 'handler/a.ts')
    const names = ['one', 'two', 'three', 'Four', 'Five', 'Six', 'seven', 'eight', 'default', 'nine', 'ten']
    expect(unused.map(({ name }) => name)).toEqual(names.filter((name) => !used.includes(name)))
  })

  test.each(["import * as a from './a.js'", "export * from './a.js'", "void import('./a.js')"])(
    '%s is taken to use all',
    async (text) => {
      const parsed = await trees({ 'handler/a.ts': exporting, 'handler/b.ts': text })
      expect(unusedExports(parsed, importsAmong(parsed))).toEqual([])
    },
  )

  test('are used by no import of the file itself', async () => {
    const parsed = await trees({ 'handler/a.ts': "export const a = 1\nvoid import('./a.js')\n" })
    expect(unusedExports(parsed, importsAmong(parsed))).toHaveLength(1)
  })
})

describe('a survey', () => {
  const sources = new Map([
    ['handler/main.ts', "import { pass } from './pass/pass.js'\nexport const forNobody = pass\n"],
    ['handler/stray.ts', 'export const stray = 1\n'],
    ['handler/pass/pass.ts', "import { a } from '../util/a.js'\n\nexport const pass = a\n"],
    [
      'handler/util/a.ts',
      "import type { P } from './p.js'\nimport { stray } from '../stray.js'\nexport const a = stray\n",
    ],
    ['handler/util/p.ts', "import { pass } from '../pass/pass.js'\nexport type P = typeof pass\n"],
    ['test/a.test.ts', "import type { P } from '../handler/util/p.js'\nexport type Q = P\n"],
  ])
  let found: Survey
  beforeAll(async () => {
    found = await survey(sources)
  })

  test('is of handler/ alone; entries are for others to import, and tests may use exports', () => {
    expect(figures(found)).toEqual({
      arrowsUp: 1,
      circles: 1,
      longestFunction: 0,
      filesAtRoot: 2,
      floors: 3,
      unusedExports: 0,
      notOnTheMap: 1,
    })
    expect(found.arrowsUp).toEqual([{ from: 'handler/util/p.ts', to: 'handler/pass/pass.ts', line: 1 }])
    expect(found.notOnTheMap).toEqual(['handler/stray.ts'])
    expect(found.rooms).toEqual([
      {
        folder: '.',
        lines: 3,
        files: [
          { file: 'handler/main.ts', lines: 2, floor: 3 },
          { file: 'handler/stray.ts', lines: 1, floor: 1 },
        ],
      },
      { folder: 'pass', lines: 3, files: [{ file: 'handler/pass/pass.ts', lines: 3, floor: 2 }] },
      {
        folder: 'util',
        lines: 5,
        files: [
          { file: 'handler/util/a.ts', lines: 3, floor: 2 },
          { file: 'handler/util/p.ts', lines: 2, floor: 2 },
        ],
      },
    ])
  })

  test('reads as a table, which marks what exceeds its limit', () => {
    const text = toText(found, { ...LIMITS, floors: 3, circles: 0 })
    expect(text).toMatch(/^floors +3 +3$/m)
    expect(text).toMatch(/^circles +1 +0 {2}TOO MUCH$/m)
    expect(text).toContain('  handler/util/p.ts:1 -> handler/pass/pass.ts')
    expect(text).toContain('  pass/pass.ts, util/a.ts, util/p.ts')
    expect(text).toContain('longest chain\n  main.ts > util/a.ts > stray.ts\n')
    expect(text.split('\n').every((line) => line.length <= 120)).toBe(true)
  })

  test('exceeds a limit by one more, and not by as much', () => {
    const limits = figures(found)
    expect(broken(limits, limits)).toEqual([])
    expect(broken({ ...limits, floors: 4 }, limits)).toEqual(['floors: 4, and may be 3'])
  })
})

describe('handler/', () => {
  let found: Figures
  beforeAll(async () => {
    found = figures(await survey(readSources()))
  })

  test.each(Object.keys(LIMITS) as (keyof Figures)[])(
    'keeps to the limit of %s (`npm run map` shows where)',
    (limit) => {
      expect(found[limit]).toBeLessThanOrEqual(LIMITS[limit])
    },
  )

  test('is all there', () => {
    expect(found.floors).toBeGreaterThan(1)
    expect(found.longestFunction).toBeGreaterThan(1)
  })
})
