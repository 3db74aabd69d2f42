import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { load } from 'js-yaml'
import { expect, test } from 'vitest'
import * as keys from '../../handler/kube/keys.js'
import { repository } from '../support/handler.js'

const read = (file: string): string => readFileSync(join(repository, file), 'utf8')
const section = (title: string): string =>
  (read('docs/upgrades.md').split(`\n## ${title}, by version\n`)[1] ?? '').split('\n## ')[0] ?? ''

test('docs/upgrades.md says of each label and annotation since when there is one', () => {
  const named = [...section('Labels and annotations').matchAll(/^\| (`[^|]*) \|/gm)].flatMap(([, cell = '']) =>
    [...cell.matchAll(/`([^`]+)`/g)].map(([, name = '']) => (name.includes('/') ? name : keys.PREFIX + name)),
  )
  const { PREFIX: _, ...all } = keys
  expect(named.sort()).toEqual(Object.values(all).sort())
})

test('docs/upgrades.md says of each right since when it is asked for', () => {
  const { rules } = load(read('jobs/base/role.yaml')) as {
    readonly rules: readonly { readonly resources: readonly string[]; readonly verbs: readonly string[] }[]
  }
  for (const { resources, verbs } of rules) {
    const [, cell = ''] = new RegExp(`^\\| (${resources[0]}[ :].*?) \\|`, 'm').exec(section('Rights')) ?? []
    expect([...cell.matchAll(/`(\w+)`/g)].map(([, verb]) => verb)).toEqual(verbs)
  }
})
