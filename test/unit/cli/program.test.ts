import { expect, test } from 'vitest'
import { isCompleter, programName } from '../../../handler/cli/program.js'

test.each([
  ['/src/checkout/handler', 'node handler'],
  ['/src/checkout/handler/', 'node handler'],
  ['/usr/bin/active-passive', 'active-passive'],
  ['/src/checkout/dist/main.cjs', 'active-passive'],
  ['/active-passive.cjs', 'active-passive'],
  ['/usr/bin/kubectl-active_passive', 'kubectl active-passive'],
  ['/usr/lib/node_modules/active-passive/dist/kubectl-active_passive.cjs', 'kubectl active-passive'],
  ['C:\\npm\\node_modules\\active-passive\\dist\\kubectl-active_passive.cjs', 'kubectl active-passive'],
  ['C:\\npm\\kubectl-active_passive.cmd', 'kubectl active-passive'],
  ['/usr/bin/kubectl_complete-active_passive', 'kubectl active-passive'],
  [undefined, 'active-passive'],
])('%s is called %s', (script, name) => {
  expect(programName(script)).toBe(name)
})

test.each([
  ['/usr/bin/kubectl_complete-active_passive', true],
  ['C:\\x\\kubectl_complete-active_passive.cjs', true],
  ['/usr/bin/kubectl-active_passive', false],
  [undefined, false],
])('%s asks for words: %s', (script, is) => {
  expect(isCompleter(script)).toBe(is)
})
