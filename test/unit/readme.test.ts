import { execFileSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { load } from 'js-yaml'
import { describe, expect, test } from 'vitest'
import { COMMAND_NAMES, commandOf } from '../../handler/cli/commands.js'
import { FLAGS } from '../../handler/cli/flags.js'
import { NOTICE_REASONS } from '../../handler/notice/notices.js'
import { ERROR_CODES } from '../../handler/util/error-codes.js'
import { repository } from '../support/handler.js'

const read = (path: string): string => readFileSync(join(repository, path), 'utf8')
const readme = read('README.md')

function section(title: string): string {
  const [, rest = ''] = readme.split(`\n${title}\n`)
  return rest.split(/^#{1,3} /m)[0] ?? ''
}

/** The blocks of commands of a section. */
const blocksOf = (title: string): readonly string[] =>
  [...section(title).matchAll(/^```sh\n(.*?)^```$/gms)].map(([, block = '']) => block)

test('Troubleshooting has every error code, by who can end the error', () => {
  const rows = [...section('### Error codes').matchAll(/^\| [^`|]+ \| (`.*`) \|$/gm)].map(([, cell = '']) =>
    [...cell.matchAll(/`([a-z-]+)`/g)].map(([, code = '']) => code),
  )
  expect(rows).toEqual(Object.values(ERROR_CODES).map((codes) => Object.keys(codes)))
})

describe('Command line', () => {
  test('has every command, with the words that it takes', () => {
    const rows = [...section('### Commands').matchAll(/^\| `([^`]+)` \|/gm)].map(([, row = '']) => row)
    const commands = COMMAND_NAMES.map((name) => [name, commandOf(name).words.replaceAll('|', '\\|')].join(' ').trim())
    expect(rows).toEqual(commands)
  })

  test('has every flag, or it is a setting or a flag of serve', () => {
    const texts = ['### Flags', '### Commands', '### Flags of serve', '### Health', '### Handovers'].map(section).join()
    const absent = Object.keys(FLAGS).filter((name) => !new RegExp(`\`(--)?${name}[\` ]`).test(texts))
    expect(absent).toEqual([])
  })
})

test('How to be told of a failover has a row for each reason of an Event', () => {
  const rows = [...section('### Events').matchAll(/^\| `(\w+)` \| (?:Normal|Warning) \|/gm)].map(([, reason]) => reason)
  expect(rows).toEqual(NOTICE_REASONS)
})

describe('Install', () => {
  const [pushed = '', kind = ''] = blocksOf('### The image')
  const commands = pushed + (blocksOf('### By kustomize').find((block) => block.includes('kustomization.yaml')) ?? '')
  const { version } = JSON.parse(read('package.json')) as { version: string }

  test('Its commands, as they are printed, build the image, push it and apply a kustomization that is whole', () => {
    const folder = mkdtempSync(join(tmpdir(), 'active-passive-readme-'))
    try {
      const checkout = join(folder, 'checkout')
      cpSync(join(repository, 'jobs'), join(checkout, 'jobs'), { recursive: true })
      const stubs = join(folder, 'stubs')
      mkdirSync(stubs)
      for (const name of ['docker', 'kubectl']) {
        writeFileSync(join(stubs, name), `#!/bin/sh\necho "${name} $*" >> '${join(folder, 'log')}'\n`, { mode: 0o755 })
      }
      const env = { PATH: `${stubs}:${process.env.PATH}`, HOME: folder }
      execFileSync('sh', ['-eu', '-c', commands], { cwd: checkout, env })

      const image = 'HOST/PATH/active-passive'
      expect(readFileSync(join(folder, 'log'), 'utf8').trim().split('\n')).toEqual([
        `docker build -t ${image}:${version} .`,
        `docker push ${image}:${version}`,
        'kubectl apply -k ../my-active-passive',
      ])
      const overlay = join(folder, 'my-active-passive')
      const kustomization = load(readFileSync(join(overlay, 'kustomization.yaml'), 'utf8')) as {
        readonly resources: readonly string[]
      }
      expect(kustomization).toMatchObject({
        namespace: 'default',
        images: [{ name: 'active-passive', newName: image, newTag: version }],
      })
      expect(kustomization.resources).toEqual(['../checkout/jobs/cronjob', '../checkout/jobs/demo'])
      for (const resource of kustomization.resources) {
        expect(existsSync(join(overlay, resource, 'kustomization.yaml'))).toBe(true)
      }
    } finally {
      rmSync(folder, { recursive: true })
    }
  })

  test('Its commands that make a pod fail mean the active one, whichever that is', () => {
    const lines = ['### By kustomize', '### By Helm'].flatMap(
      (title) =>
        blocksOf(title)
          .join('')
          .match(/^.*helloworld\.js fail$/gm) ?? [],
    )
    const active = 'kubectl get pods -l app=helloworld,role=active -o name'
    expect(lines).toEqual(Array(2).fill(`kubectl exec "$(${active})" -- node /app/helloworld.js fail`))
  })

  test('The image of a kind cluster has the name and the version that the manifests ask for', () => {
    const [image = ''] = /active-passive:\S+/.exec(read('jobs/cronjob/cronjob.yaml')) ?? []
    expect(image).toBe(`active-passive:${version}`)
    expect(kind).toContain(`docker build -t ${image} .\n`)
    expect(kind).toContain(`kind load docker-image ${image}\n`)
  })
})
