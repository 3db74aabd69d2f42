import { describe, expect, it } from 'vitest'
import { type Fields, jsonPatch, metadataPatch, servicePatch } from '../../../handler/kube/patch.js'
import { patchLines } from '../../../handler/report/patch-text.js'

const before: Fields = {
  labels: { app: 'web', role: 'active' },
  annotations: { 'active-passive/epoch': '3', 'active-passive/failures': '2' },
}

describe('a patch that a dry run prints', () => {
  it('has a line for each value that goes and each that comes, and the tests in words', () => {
    const patch = jsonPatch([
      { op: 'test', path: '/metadata/uid', value: '7c1e' },
      { op: 'test', path: '/metadata/labels/role', value: 'active' },
      { op: 'test', path: '/metadata/annotations/active-passive~1epoch', value: '3' },
      { op: 'test', path: '/metadata/deletionTimestamp', value: null },
      { op: 'test', path: '/status/phase', value: 'Running' },
      { op: 'add', path: '/metadata/annotations/active-passive~1epoch', value: '4' },
      { op: 'remove', path: '/metadata/annotations/active-passive~1failures' },
      { op: 'add', path: '/metadata/labels/app', value: 'web' },
      { op: 'add', path: '/metadata/labels/role', value: 'passive' },
    ])
    expect(patchLines({ patch, before })).toEqual([
      '- metadata.annotations[active-passive/epoch]: "3"',
      '+ metadata.annotations[active-passive/epoch]: "4"',
      '- metadata.annotations[active-passive/failures]: "2"',
      '- metadata.labels.role: active',
      '+ metadata.labels.role: passive',
      'only if its uid is "7c1e", label role is active, annotation active-passive/epoch is "3", it is not being deleted, its phase is Running',
    ])
  })

  it('shows the first annotations of a pod, and that it has to have none', () => {
    const patch = jsonPatch([
      { op: 'test', path: '/metadata/labels/role', value: null },
      { op: 'test', path: '/metadata/annotations', value: null },
      { op: 'add', path: '/metadata/annotations', value: { 'active-passive/epoch': '1', other: 'yes' } },
    ])
    expect(patchLines({ patch, before: { labels: {}, annotations: undefined } })).toEqual([
      '+ metadata.annotations[active-passive/epoch]: "1"',
      '+ metadata.annotations.other: "yes"',
      'only if label role is absent, it has no annotations',
    ])
  })

  it('shows what a Service selects by', () => {
    const patch = servicePatch({
      resourceVersion: '12',
      annotations: { 'active-passive/swap': 'f00d web-1' },
      selector: { role: null, 'active-passive/pod': 'uid-1' },
    })
    expect(patchLines({ patch, before: { annotations: {}, selector: { app: 'web', role: 'active' } } })).toEqual([
      '+ metadata.annotations[active-passive/swap]: "f00d web-1"',
      '- spec.selector.role: active',
      '+ spec.selector[active-passive/pod]: uid-1',
      'only if nobody else has changed it meanwhile',
    ])
  })

  it('says so where nothing would change', () => {
    const patch = metadataPatch({ uid: 'u', labels: { role: 'active', gone: null } })
    expect(patchLines({ patch, before })).toEqual(['(every key has its value already)', 'only if its uid is u'])
  })

  it('finds no value where every object has one: constructor', () => {
    const patch = metadataPatch({ uid: 'u', labels: { constructor: 'active' } })
    expect(patchLines({ patch, before })[0]).toBe('+ metadata.labels.constructor: active')
  })

  it.each([
    ['true', '"true"'],
    ['NULL', '"NULL"'],
    ['4', '"4"'],
    ['', '""'],
    ['StatefulSet/web', 'StatefulSet/web'],
    ['7c1e0000-0000-4000-8000-000000000001', '7c1e0000-0000-4000-8000-000000000001'],
    ['a: b', '"a: b"'],
    ['two\nlines', '"two\\nlines"'],
    ['\u001b[31mred', '"\\u001b[31mred"'],
    ['x'.repeat(80), 'x'.repeat(80)],
    ['x'.repeat(300), `"${'x'.repeat(80)}…" (300 characters)`],
  ])('shows the value %j as %s', (value, shown) => {
    const patch = metadataPatch({ uid: 'u', annotations: { other: value } })
    expect(patchLines({ patch, before })[0]).toBe(`+ metadata.annotations.other: ${shown}`)
  })
})
