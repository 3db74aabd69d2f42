import { expect, test } from 'vitest'
import { REASONS, SWITCHOVER_REASONS, WHY_NOT } from '../../../handler/group/reasons.js'

test('docs/decisions.md lists every code; `npx vitest run test/unit/group/reasons.test.ts -u` writes it', async () => {
  await expect(documentOf()).toMatchFileSnapshot('../../../docs/decisions.md')
})

test('Codes are lower case with hyphens, and each is a sentence', () => {
  for (const [code, text] of [REASONS, SWITCHOVER_REASONS, WHY_NOT].flatMap((table) => Object.entries(table))) {
    expect(code).toMatch(/^[a-z]+(-[a-z]+)*$/)
    expect(text).toMatch(/^[A-Z].*\.$/)
  }
})

function documentOf(): string {
  return `# Decisions

Each pass makes one decision for each group, and gives the reason: a sentence in the text report, and a code with the same
sentence in the JSON report (\`reason.code\`, \`reason.text\`). Codes never change; sentences may.
[docs/errors.md](errors.md) has remedies.

A test makes this page from handler/group/reasons.ts.

## Reasons for a decision

${tableOf(REASONS)}
A group that cannot be served at all has an \`error\` in place of a decision, with a code and a remedy of its own.

## Answers to a switchover

\`by-hand\` and \`already-active\` are no refusals. \`no-pods\`, \`paused\`, \`several-actives\` and \`no-candidate\` are
answers too, and mean the same as above.

${tableOf(SWITCHOVER_REASONS)}
## Why a pod is no candidate

In the JSON report, \`whyNotCode\` of each pod, with the details in \`whyNot\`; \`null\` where it is a candidate.

${tableOf(WHY_NOT)}`
}

function tableOf(texts: Readonly<Record<string, string>>): string {
  const rows = Object.entries(texts).map(([code, text]) => `| \`${code}\` | ${text} |`)
  return ['| Code | Meaning |', '| --- | --- |', ...rows, ''].join('\n')
}
