import { expect, test } from 'vitest'
import { MAX_COMMAND_BYTES, parseChecks } from '../../../handler/settings/check.js'
import { mistakeInFlag, policyOf } from '../../../handler/settings/policy.js'
import { changedSettings, DEFAULT_SETTINGS, type Settings } from '../../../handler/settings/settings.js'
import { programOf, shownChecks } from '../../../handler/settings/shown-check.js'
import { annotated } from '../../support/builders.js'

test.each([
  ['exec: pg_isready', 'exec: pg_isready'],
  ['exec: mysqladmin -ps3cret ping', 'exec: mysqladmin (2 arguments)'],
  ['exec: ["sh", "-c", "PGPASSWORD=s3cret psql"]', 'exec: sh (2 arguments)'],
  ['exec: ["psql s3cret"]', 'exec: psql'],
  ['exec: MYSQL_PWD=s3cret mysqladmin ping', 'exec: MYSQL_PWD=… (2 arguments)'],
  ['http://:8080/health?key=s3cret&s3cret&verbose=', 'http://:8080/health?key=…&…&verbose=…'],
  ['http://:8080?a=s3cret?b=s3cret', 'http://:8080?a=…'],
  ['probe\nexec: cat s3cret\n\nhttps://:web/a/b', 'probe\nexec: cat (1 argument)\n\nhttps://:web/a/b'],
])('Of the check %j is shown %j', (text, shown) => {
  expect(parseChecks(text)).toBeDefined()
  expect(shownChecks(text)).toBe(shown)
})

test.each([
  ['exec mysqladmin -ps3cret', 'exec mysqladmin …'],
  ['EXEC: mysqladmin -ps3cret', 'EXEC: mysqladmin …'],
  ['exec: ["sh", "-c", "s3cret', 'exec: …'],
  ['exce: mysqladmin -ps3cret', 'exce: …'],
  ['exec: ["curl", "-u", "a:s3cret", "http://localhost/h"', 'exec: …'],
  ['exec curl -u a:s3cret http://localhost/h', 'exec curl …'],
  ['curl -u a:s3cret http://localhost/h', 'curl …'],
  [`exec: curl -u a:s3cret http://localhost/ ${'x'.repeat(MAX_COMMAND_BYTES)}`, 'exec: curl …'],
  ['http://:8080/h -u a:s3cret', 'http://:8080/h …'],
  ['http://:8080/?key=my s3cret', 'http://:8080/?key=… …'],
  ['  -ps3cret', '…'],
  ['"s3cret",', '…'],
  ["'s3cret'", '…'],
  ['MYSQL_PWD=s3cret mysqladmin ping', 'MYSQL_PWD=… …'],
  ['http://web:80/?key=s3cret', 'http://web:80/?key=…'],
  [':8080/health?key=s3cret', ':8080/health?key=…'],
  ['tpc://:9090', 'tpc://:9090'],
  ['tcp://:1 tcp://:2', 'tcp://:1 tcp://:2'],
  ['Probe', 'Probe'],
  ['?', '?'],
  ['', ''],
])('Of %j, which is no check, is shown %j', (text, shown) => {
  expect(parseChecks(text)).toBeUndefined()
  expect(shownChecks(text)).toBe(shown)
})

test('A program is one word, and a short one', () => {
  expect(programOf([' a b'])).toBe('a')
  expect(programOf(['a'.repeat(1_000)]).length).toBeLessThan(100)
  expect(programOf([])).toBe('')
})

const SECRETS = ['exec: mysqladmin -p s3cret', 'http://:8080/?key=s3cret']
const WRONG = [
  ...['exec mysqladmin -p s3cret', 'http//:8080/?key=s3cret', 'exec: ["s3cret"', 'http://h:80/?key=s3cret'],
  ...['exec: ["curl", "-u", "s3cret", "http://localhost/"', 'curl -u s3cret http://localhost/', 'http://:80/ s3cret'],
  'exec: mysqladmin \\\n  -ps3cret',
]

test.each(SECRETS)('The status of %j, its errors and its doubts have no secret', (text) => {
  const settings: Settings = { ...DEFAULT_SETTINGS, 'health-check': parseChecks(text) ?? [] }
  expect(changedSettings(settings)).toHaveProperty('health-check', shownChecks(text))
  const other = { ...annotated('web-1', { 'health-check': `${text}2` }) }
  const differ = policyOf([annotated('web-0', { 'health-check': text }), other], {
    ...DEFAULT_SETTINGS,
    'allow-exec': true,
  })
  expect(differ).toHaveProperty('fault.message', expect.stringContaining('(what differs is not shown)'))
  expect(JSON.stringify([differ, changedSettings(settings)])).not.toContain('s3cret')
})

test.each([...SECRETS.slice(0, 1), ...WRONG])('The error about the annotation %j has no secret', (text) => {
  for (const check of [text, `probe\n${text}`]) {
    const policy = policyOf([annotated('web-0', { 'health-check': check })], DEFAULT_SETTINGS)
    expect(policy).toHaveProperty('fault.code', 'bad-annotation')
    expect(JSON.stringify(policy)).not.toContain('s3cret')
  }
})

test.each(WRONG)('The error about the flag with %j has no secret', (text) => {
  expect(mistakeInFlag('health-check', text)).toBeDefined()
  expect(mistakeInFlag('health-check', text)).not.toContain('s3cret')
})
