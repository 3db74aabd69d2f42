import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { REASONS, REMEDIES, WHY_NOT, WHY_NOT_REMEDIES } from '../../../handler/group/reasons.js'
import { ERROR_CODES } from '../../../handler/util/error-codes.js'
import { repository } from '../../support/handler.js'

test('docs/errors.md lists every code; `npx vitest run test/unit/util/error-codes.test.ts -u` writes it', async () => {
  await expect(documentOf()).toMatchFileSnapshot('../../../docs/errors.md')
})

const entries = Object.values(ERROR_CODES).flatMap((codes) => Object.entries(codes))

describe.each(entries)('%s', (code, { cause, remedy, object }) => {
  test('is a code that the program gives', () => {
    expect(sources.some((text) => text.includes(`'${code}'`) || text.includes(`code: ${code}`))).toBe(true)
  })

  test('has an object, a cause and a remedy, in sentences', () => {
    expect(code).toMatch(/^[a-z]+(-[a-z]+)*$/)
    expect(object).toMatch(/^[a-z].*[^.]$/)
    for (const text of [cause, remedy]) expect(text).toMatch(/^[A-Z].*\.$/)
  })
})

/** All is well, or a handover was made for a reason that needs no remedy. */
const UNREMARKABLE = [
  ...['healthy', 'failback-waits', 'no-active', 'active-gone', 'active-not-ready', 'active-failed', 'preferred'],
]

test('Every decision that may be a sign of trouble has a remedy', () => {
  expect(Object.keys(REASONS).filter((code) => !(code in REMEDIES))).toEqual(UNREMARKABLE)
})

/** The texts of handler/ but for the table itself. */
const sources = readdirSync(join(repository, 'handler'), { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.ts') && !name.endsWith('error-codes.ts'))
  .map((name) => readFileSync(join(repository, 'handler', name), 'utf8'))

function documentOf(): string {
  return `# Error codes

An error in a report is about one object, and says what is wrong with it and what to do: in text, and as \`error\` with its
\`code\` in JSON. This page says more about each code. Codes never change; sentences may.

A test makes this page from handler/util/error-codes.ts and handler/group/reasons.ts.

## Something that you have written is wrong

The error comes back in each pass until it is corrected.

${sectionsOf(ERROR_CODES.configuration)}
## The cluster refuses, or does not answer

${sectionsOf(ERROR_CODES.cluster)}
## The next pass does what is left

${sectionsOf(ERROR_CODES.unfinished)}
## This program is wrong

${sectionsOf(ERROR_CODES.program)}
## Decisions that may be a sign of trouble

They are no errors: \`reason.code\` in JSON is one of [all decision codes](decisions.md).

${tableOf(REASONS, REMEDIES)}
## Why a pod cannot take over

In JSON they are \`whyNotCode\` of each pod; the text report has the same in the reason.

${tableOf(WHY_NOT, WHY_NOT_REMEDIES)}`
}

function sectionsOf(codes: Readonly<Record<string, Readonly<Record<'object' | 'cause' | 'remedy', string>>>>): string {
  return Object.entries(codes)
    .map(
      ([code, { object, cause, remedy }]) =>
        `### ${code}\n\n- **Object:** ${object}\n- **Cause:** ${cause}\n- **Remedy:** ${remedy}\n`,
    )
    .join('\n')
}

function tableOf(meanings: Readonly<Record<string, string>>, remedies: Readonly<Record<string, string>>): string {
  const rows = Object.entries(remedies).map(([code, remedy]) => `| \`${code}\` | ${meanings[code]} | ${remedy} |`)
  return ['| Code | Cause | Remedy |', '| --- | --- | --- |', ...rows, ''].join('\n')
}
