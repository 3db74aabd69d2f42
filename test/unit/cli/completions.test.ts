import { describe, expect, test } from 'vitest'
import { COMMAND_NAMES, commandOf } from '../../../handler/cli/commands.js'
import { completionsOf } from '../../../handler/cli/completions.js'

/** The words of a line; a space at its end begins another. */
const wanted = (line: string) => completionsOf(line.split(' '))

function choices(line: string): readonly string[] {
  const found = wanted(line)
  if (found.kind !== 'words') throw new Error(`not words, but ${found.kind}`)
  return found.choices.map(({ word }) => word)
}

describe('a word is', () => {
  test.each<[string, readonly string[]]>([
    ['', COMMAND_NAMES],
    ['s', ['serve', 'status', 'switchover']],
    ['-n a sw', ['switchover']],
    ['x', []],
    ['completion ', ['bash', 'zsh', 'fish']],
    ['completion z', ['zsh']],
    ['completion zsh ', []],
    ['run ', []],
    ['switchover db db-1 ', []],
    ['nonsense ', []],
    ['-o ', ['text', 'json', 'yaml']],
    ['status -o ', ['text', 'wide', 'json', 'yaml']],
    ['-o w', []],
    ['serve --output=', ['--output=text', '--output=json']],
    ['serve -o=j', ['-o=json']],
    ['--dry-run=', ['--dry-run=none', '--dry-run=client', '--dry-run=server']],
    ['--dry-run=s', ['--dry-run=server']],
    ['--latch=', ['--latch=true', '--latch=false']],
    ['--confirm r', ['ready']],
    ['--deadline ', []],
    ['-n ', []],
    ['--dead', ['--deadline']],
    ['--dry-run --dr', []],
    ['--namespace a --name', ['--namespace']],
    ['completion -', ['--help']],
    ['switchover --hel', ['--help']],
  ])('%j: %j', (line, expected) => {
    expect(choices(line)).toEqual(expected)
  })

  test('a flag of the command, with what it means there', () => {
    for (const name of COMMAND_NAMES) {
      expect(choices(`${name} --`)).toEqual([...commandOf(name).flags.map((flag) => `--${flag}`), '--help'])
    }
    expect(wanted('status --wat')).toEqual({
      kind: 'words',
      choices: [{ word: '--watch', text: 'show it again and again, in place, until Ctrl-C' }],
    })
  })
})

test.each(['--kubeconfig ', '--kubeconfig=/h', 'serve --token-file '])('%j is completed by files', (line) => {
  expect(wanted(line)).toEqual({ kind: 'files' })
})

test.each<[string, object]>([
  ['--context ', { kind: 'entries', of: 'context', before: '' }],
  ['--kubeconfig x --user=a', { kind: 'entries', of: 'user', before: '--user=', argv: { kubeconfig: 'x' } }],
  ['status ', { kind: 'services', begun: '', argv: {} }],
  ['-n shop status d', { kind: 'services', begun: 'd', argv: { namespace: ['shop'] } }],
  ['-nshop -nb status d', { kind: 'services', argv: { namespace: ['shop', 'b'] } }],
  ['pause -A ', { kind: 'services', argv: { 'all-namespaces': 'true' } }],
  ['pause --no-latch --as bob ', { kind: 'services', argv: { latch: 'false', as: 'bob' } }],
  ['--service ', { kind: 'services', begun: '' }],
  ['switchover shop/db ', { kind: 'pods', service: 'shop/db' }],
  ['switchover --dry-run db d', { kind: 'pods', service: 'db' }],
  ['switchover db --from ', { kind: 'pods', service: 'db', before: '' }],
  ['switchover db --from=', { kind: 'pods', service: 'db', before: '--from=' }],
])('%j asks the cluster or the kubeconfig', (line, expected) => {
  expect(wanted(line)).toMatchObject(expected)
})
