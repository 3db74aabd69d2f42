/** The scripts of `completion` in the real shells. bash is on every machine of the tests, the others may be missing. */
import { execFile, spawnSync } from 'node:child_process'
import { chmod, mkdtemp, rm, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { completion } from '../../../handler/commands/completion.js'
import { repository } from '../../support/handler.js'
import { reportSkipped } from '../../support/skipped.js'

const run = promisify(execFile)
let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'active-passive-completion-'))
  await run(process.execPath, ['build.mjs', join(folder, 'dist')], { cwd: repository })
  await chmod(join(folder, 'dist/main.cjs'), 0o755)
  await symlink(join(folder, 'dist/main.cjs'), join(folder, 'active-passive'))
})
afterAll(() => rm(folder, { recursive: true }))

async function inShell(shell: string, args: readonly string[], script: string): Promise<readonly string[]> {
  const env = { PATH: `${folder}:${process.env.PATH}`, HOME: folder, KUBECONFIG: '/nowhere' }
  const { stdout, stderr } = await run(shell, [...args, '-c', script], { env })
  expect(stderr).toBe('')
  return stdout.split('\n').filter((line) => line !== '')
}

function has(shell: string): boolean {
  const is = spawnSync(shell, ['-c', 'true']).status === 0
  if (!is) reportSkipped(`No ${shell}: the tests of its completion do not run (apt-get install ${shell}).`)
  return is
}

describe('in bash', () => {
  /** @param words as readline splits them: at spaces and at each = */
  const complete = (...words: readonly string[]) =>
    inShell(
      'bash',
      ['--norc'],
      `source <(active-passive completion bash)
       complete -p active-passive >/dev/null || exit 1
       COMP_WORDS=(active-passive ${words.map((word) => `'${word}'`).join(' ')}); COMP_CWORD=${words.length}
       compopt() { echo "compopt $*"; }
       _active_passive
       printf '%s\\n' "\${COMPREPLY[@]}"`,
    )

  test.each<[readonly string[], readonly string[]]>([
    [['sw'], ['switchover']],
    [['-n', 'a', 'pa'], ['pause']],
    [['status', '--wat'], ['--watch']],
    [['status', '-o', 'j'], ['json']],
    [['--dry-run', '=', 's'], ['server']],
    [
      ['--dry-run', '='],
      ['none', 'client', 'server'],
    ],
    [
      ['run', '--latch', '=', 'false', '--dry-run', '=', ''],
      ['none', 'client', 'server'],
    ],
    [['status', 'db'], []],
    [['--kubeconfig', ''], ['compopt -o default']],
    [['nonsense', ''], []],
  ])('%j', async (words, expected) => {
    expect(await complete(...words)).toEqual(expected)
  })
})

describe.skipIf(!has('zsh'))('in zsh', () => {
  const complete = (...words: readonly string[]) =>
    inShell(
      'zsh',
      ['-f'],
      `compdef() { echo "compdef $*"; }
       source <(active-passive completion zsh)
       _describe() { print -rl -- "\${(@P)2}"; }
       _files() { echo files; }
       words=(active-passive ${words.map((word) => `'${word}'`).join(' ')}); CURRENT=\${#words}; PREFIX=$words[-1]
       _active_passive`,
    )

  test.each<[readonly string[], readonly string[]]>([
    [['sw'], ['switchover:move the active role to POD, or to the best candidate']],
    [['--dry-run=s'], ['--dry-run=server']],
    [['--health-check', 'tcp'], ['tcp\\://\\:']],
    [['--kubeconfig', ''], ['files']],
    [
      ['completion', ''],
      ['bash', 'zsh', 'fish'],
    ],
  ])('%j', async (words, expected) => {
    expect(await complete(...words)).toEqual(['compdef _active_passive active-passive', ...expected])
  })
})

describe.skipIf(!has('fish'))('in fish', () => {
  const complete = (line: string) =>
    inShell('fish', ['--no-config'], `active-passive completion fish | source; complete -C '${line}'`)

  test.each<[string, readonly string[]]>([
    ['active-passive sw', ['switchover\tmove the active role to POD, or to the best candidate']],
    ['active-passive -n a pau', ['pause\tleave the Service as it is, whatever happens to its pods']],
    ['active-passive --dry-run=', ['--dry-run=none', '--dry-run=client', '--dry-run=server']],
    ['active-passive completion ', ['bash', 'zsh', 'fish']],
    ['active-passive status db', []],
  ])('%j', async (line, expected) => {
    expect([...(await complete(line))].sort()).toEqual([...expected].sort())
  })

  test('files complete files', async () => {
    expect((await complete(`active-passive --kubeconfig ${folder}/dis`)).map((one) => one.split('\t')[0])).toEqual([
      `${folder}/dist/`,
    ])
  })
})

test('The plugin prints what makes kubectl complete it, which a shell reads as comments', async () => {
  let text = ''
  const print = async (more: string) => {
    text += more
  }
  await completion({ shell: 'bash' }, { print, program: 'kubectl active-passive' } as Parameters<typeof completion>[1])
  expect(text).toContain('kubectl_complete-active_passive')
  expect(text.split('\n').every((line) => line === '' || line.startsWith('#'))).toBe(true)
})
