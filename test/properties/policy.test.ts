import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { groupServices } from '../../handler/group/groups.js'
import type { Service } from '../../handler/kube/port.js'
import { policyOf } from '../../handler/settings/policy.js'
import { DEFAULT_SETTINGS, type Settings } from '../../handler/settings/settings.js'
import { annotated, aService } from '../support/builders.js'
import { annotation, type Said, SETTINGS, senseless, sensible } from './annotations.js'
import { ROLE } from './chain.js'
import { limit, parameters, Tally } from './runs.js'

const policy = (services: readonly Service[]) => policyOf(services, DEFAULT_SETTINGS)

type AllSaid = Readonly<Record<string, Said>>
const textsOf = (said: AllSaid) => Object.fromEntries(Object.entries(said).map(([name, { text }]) => [name, text]))
const meaningsOf = (said: AllSaid) => Object.fromEntries(Object.entries(said).map(([name, { means }]) => [name, means]))

describe('whatever people write on their Services,', limit, () => {
  test('what makes sense is taken at its word, on however many of them it stands', () => {
    const tally = new Tally()
    const places = fc.array(fc.subarray(SETTINGS), { maxLength: 2 })
    fc.assert(
      fc.property(sensible, places, fc.nat(2), (said, partly, place) => {
        const wholly = partly.toSpliced(place, 0, SETTINGS)
        const services = wholly.map((names, n) => {
          const texts = Object.entries(textsOf(said)).filter(([name]) => names.includes(name))
          return annotated(`web-${n}`, Object.fromEntries(texts))
        })
        expect(policy(services)).toEqual({ settings: { ...DEFAULT_SETTINGS, ...meaningsOf(said) }, warnings: [] })
        for (const name of Object.keys(said)) tally.add(name)
      }),
      parameters(),
    )
    tally.expectAll(SETTINGS)
  })

  test('what makes none is named, with its Service, and nothing else of the group counts', () => {
    const tally = new Tally()
    fc.assert(
      fc.property(sensible, senseless, (said, { name, text }) => {
        const found = policy([annotated('web-0', textsOf(said)), annotated('web-1', { [name]: text })])
        expect(found).toMatchObject({ fault: { code: 'bad-annotation', object: 'service default/web-1' } })
        expect(JSON.stringify(found)).toContain(`active-passive/${name} is `)
        expect(JSON.stringify(found).length, 'cut short').toBeLessThan(2_000)
        tally.add(name)
      }),
      parameters(),
    )
    tally.expectAll(SETTINGS)
  })

  test('two meanings of one annotation are a conflict, but for pause: one Service is enough', () => {
    const twice = annotation.chain(({ name, sense }) =>
      fc.record({ name: fc.constant(name), one: sense, other: sense }),
    )
    const tally = new Tally()
    fc.assert(
      fc.property(twice, ({ name, one, other }) => {
        const found = policy([annotated('web-0', { [name]: one.text }), annotated('web-1', { [name]: other.text })])
        const isSame = JSON.stringify(one.means) === JSON.stringify(other.means)
        tally.add(isSame ? 'the same' : name === 'pause' ? 'paused by one' : 'a conflict')
        if (name === 'pause')
          expect(found).toHaveProperty('settings.pause', Math.max(Number(one.means), Number(other.means)))
        else if (isSame) expect(found).toHaveProperty(['settings', name], one.means)
        else expect(found).toHaveProperty('fault.code', 'conflicting-annotations')
      }),
      parameters(),
    )
    tally.expectAll(['the same', 'paused by one', 'a conflict'])
  })

  test('any other text is refused or means something that can be worked with', () => {
    const tally = new Tally()
    const anyText = fc.oneof(
      { weight: 3, arbitrary: almostRight },
      { weight: 1, arbitrary: fc.string({ unit: 'binary' }) },
    )
    fc.assert(
      fc.property(annotation, anyText, ({ name }, text) => {
        const found = policy([annotated('web', { [name]: text })])
        tally.add('fault' in found ? 'refused' : 'taken')
        if ('fault' in found) expect(found.fault.code).toBe('bad-annotation')
        else expectSense(found.settings)
      }),
      parameters(),
    )
    tally.expectAll(['refused', 'taken'])
  })

  test('an annotation of another name changes nothing, and is said if the prefix is ours', () => {
    const strange = fc.constantFrom('__proto__', 'constructor', 'toString', 'Pause', 'epoch', '')
    const other = fc
      .oneof(strange, fc.string({ unit: 'binary' }))
      .filter((name) => !SETTINGS.includes(name) && name !== 'swap')
    fc.assert(
      fc.property(other, fc.constantFrom('', 'active-passive/'), fc.string(), (name, prefix, text) => {
        const service = aService('web', { annotations: Object.fromEntries([[prefix + name, text]]) })
        const found = policy([service])
        expect(found).toHaveProperty('settings', DEFAULT_SETTINGS)
        const [warning, ...more] = 'warnings' in found ? found.warnings : []
        const says = `service web: annotation ${prefix}${name} is unknown and has no effect`
        expect(more).toEqual([])
        if (!prefix) expect(warning).toBeUndefined()
        // A setting may be near, and is asked for then.
        else
          expect([says, says.concat(': did you mean')]).toContain(
            warning?.replace(/(?<=: did you mean) active-passive\/[a-z-]+\?$/, ''),
          )
      }),
      parameters(),
    )
  })

  test('the order in which Services are listed does not matter', () => {
    const ordered = fc.tuple(sensible, sensible, senseless, fc.boolean()).chain(([one, other, wrong, isWrong]) => {
      const all = [textsOf(one), {}, textsOf(other), isWrong ? { [wrong.name]: wrong.text } : textsOf(one)]
      const services = all.map((texts, n) => annotated(`web-${9 + n}`, texts))
      const shuffled = fc.shuffledSubarray(services, { minLength: services.length })
      return fc.record({ services: fc.constant(services), shuffled })
    })
    const policies = (services: readonly Service[]) =>
      groupServices(services, ROLE).map((group) => policy(group.services))
    fc.assert(
      fc.property(ordered, ({ services, shuffled }) => {
        expect(policies(shuffled)).toEqual(policies(services))
      }),
      parameters(),
    )
  })
})

/** A text that means something, with a character put in, left out or replaced. */
const almostRight = annotation
  .chain(({ sense }) => sense)
  .chain(({ text }) => {
    const put = fc.constantFrom('', '0', '9', '.', '-', ',', ' ', 's', 'm', '\n', ':', 'é')
    const change = fc.record({ at: fc.nat(text.length), drop: fc.nat(1), put })
    return change.map(({ at, drop, put }) => text.slice(0, at) + put + text.slice(at + drop))
  })

function expectSense(settings: Settings): void {
  const { failures, probes, settle, period, cooldown, failback = 0, prefer = [], never = [] } = settings
  const { 'health-timeout': timeout = 1, 'health-status': statuses = [], 'health-headers': headers = [] } = settings
  const isCount = (n: number) => Number.isInteger(n) && n >= 1 && n <= 1_000
  const fitsTimer = (ms: number) => Number.isInteger(ms) && ms >= 0 && ms < 2 ** 31
  expect([failures, probes].filter((n) => !isCount(n))).toEqual([])
  expect([settle, period, cooldown, failback, timeout].filter((ms) => !fitsTimer(ms))).toEqual([])
  expect(timeout).toBeGreaterThan(0)
  expect(settle).toBeLessThanOrEqual(2_000)
  expect(
    [...prefer, ...never].filter(
      (name) => !/^([-.a-z0-9]+|([-.a-z0-9]+\/)?[-_.A-Za-z0-9]+=[-_.A-Za-z0-9]*)$/.test(name),
    ),
  ).toEqual([])
  expect(statuses.filter(([min, max]) => !(100 <= min && min <= max && max <= 599))).toEqual([])
  expect(() => new Headers(headers.map(([name, value]) => [name, value]))).not.toThrow()
}
