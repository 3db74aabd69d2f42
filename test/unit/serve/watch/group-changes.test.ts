import { beforeEach, describe, expect, it } from 'vitest'
import { type Change, Expired, type Service } from '../../../../handler/kube/port.js'
import { groupChanges } from '../../../../handler/serve/watch/group-changes.js'
import { aService } from '../../../support/builders.js'
import { FakeWatchable } from '../../../support/watchables.js'

describe('the census', () => {
  let source: FakeWatchable<Service>
  let changes: number
  let services: ReturnType<typeof groupChanges>
  const signal = new AbortController().signal
  beforeEach(() => {
    source = new FakeWatchable()
    changes = 0
    services = groupChanges(source, 'role', () => {
      changes++
    })
  })

  /** Whether it makes other groups of them. */
  async function lists(...objects: readonly Service[]): Promise<boolean> {
    const before = changes
    source.objects = objects
    expect(await services.list(signal)).toEqual({ objects, resourceVersion: '1' })
    return changes > before
  }

  async function tells(kind: 'changed' | 'deleted', object: Service): Promise<boolean> {
    const before = changes
    const iterator = (await services.watch('1', signal))[Symbol.asyncIterator]()
    const next = iterator.next()
    await new Promise((resolve) => setImmediate(resolve))
    const change: Change<Service> = { kind, object, resourceVersion: '2' }
    source.emit(change)
    expect(await next).toEqual({ done: false, value: change })
    await iterator.return?.()
    expect(source.open).toBe(0)
    return changes > before
  }

  const web = aService('web')
  const unmanaged = aService('plain', { selector: { app: 'web' } })

  it('is other when groups are listed for the first time, and not when the same are listed again', async () => {
    expect(await lists(web, unmanaged)).toBe(true)
    expect(await lists(web, unmanaged)).toBe(false)
  })

  it('is other when one that was listed is there no more, or is another of the same name', async () => {
    await lists(web, unmanaged)
    expect(await lists(aService('web', { uid: 'other' }), unmanaged)).toBe(true)
    expect(await lists(unmanaged)).toBe(true)
    expect(await lists()).toBe(false)
  })

  it('is other when a managed Service comes or goes', async () => {
    await lists(web)
    expect(await tells('changed', aService('mail', { selector: { app: 'mail', role: 'active' } }))).toBe(true)
    expect(await tells('deleted', web)).toBe(true)
    expect(await tells('deleted', unmanaged)).toBe(false)
  })

  it('is other when a Service becomes a managed one, or of another group, or is let go', async () => {
    await lists(web, unmanaged)
    expect(await tells('changed', { ...unmanaged, selector: { app: 'web', role: 'active' } })).toBe(true)
    expect(await tells('changed', { ...unmanaged, selector: { app: 'mail', role: 'active' } })).toBe(true)
    expect(await tells('changed', { ...web, annotations: { 'active-passive/managed': 'false' } })).toBe(true)
  })

  it('is the same during a swap, and whatever else is annotated', async () => {
    await lists(web)
    const annotations = { 'active-passive/swap': 'token pod' }
    const latched = { ...web, annotations, selector: { app: 'web', 'active-passive/pod': 'uid' } }
    expect(await tells('changed', { ...web, annotations })).toBe(false)
    expect(await tells('changed', latched)).toBe(false)
    expect(await tells('changed', { ...web, annotations: { 'active-passive/prefer': 'web-1' } })).toBe(false)
  })

  it('is other when a group opts in or out where that is asked for, and for nothing else of those that do not', async () => {
    services = groupChanges(source, 'role', () => void changes++, true)
    const opted = { ...web, annotations: { 'active-passive/managed': 'true' } }
    const same = aService('web-metrics')
    expect(await lists(web)).toBe(false)
    expect(await tells('changed', same)).toBe(false)
    expect(await tells('changed', opted)).toBe(true)
    expect(await tells('deleted', same)).toBe(true)
    expect(await tells('changed', same)).toBe(true)
    const latched = { 'active-passive/swap': 'token pod' }
    expect(await tells('changed', { ...opted, annotations: { ...opted.annotations, ...latched } })).toBe(false)
    expect(await tells('changed', { ...same, annotations: latched })).toBe(false)
    expect(await tells('changed', { ...same, annotations: opted.annotations })).toBe(false)
    expect(await tells('deleted', opted)).toBe(true)
    expect(await tells('changed', same)).toBe(true)
    expect(await tells('deleted', same)).toBe(false)
  })

  it('passes on what goes wrong', async () => {
    source.refuseList.push(new Expired())
    source.refuseWatch.push(new Expired())
    await expect(services.list(signal)).rejects.toThrow(Expired)
    await expect(services.watch('1', signal)).rejects.toThrow(Expired)
    expect(changes).toBe(0)
  })
})
