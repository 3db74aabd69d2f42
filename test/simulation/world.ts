/** The groups, their pods and what happens to them: they fail and recover, are deleted and made again. */
import { isDeepStrictEqual } from 'node:util'
import type { Clock } from '../../handler/clock.js'
import { PIN, SWAP } from '../../handler/keys.js'
import type { Pod, Service } from '../../handler/kube/port.js'
import { epochOf, isActive } from '../support/roles.js'
import { changed, selects } from '../support/stored.js'
import { Cluster } from './cluster.js'
import { groupOf, podOf, type SimulatedGroup } from './groups.js'
import { chanceOf, oneOf, type Plan } from './plan.js'

const POD_TROUBLES = [
  'fails',
  'recovers',
  'recovers',
  'not ready',
  'ready',
  'terminates',
  'vanishes',
  'vanishes',
] as const
/** A pod that is deleted is made again at once, while passes run, or later. */
const AWAY_MS = [0, 60, 60, 3_000, 20_000]
/** Somebody else edits a Service, or labels a pod. */
const TROUBLES = [...POD_TROUBLES, 'edited', 'labelled'] as const

export class World {
  readonly cluster = new Cluster()
  readonly groups = new Map<string, SimulatedGroup>()
  /** The uids of the pods whose probes fail. */
  private readonly failing = new Set<string>()
  /** What users have written on Services since: of their annotations, the last `note`. */
  private readonly notes = new Map<string, string>()
  /** The uids of the pods that are active because a third party has labelled them. */
  private readonly foreign = new Set<string>()
  /** By group: the version of the cluster when a third party last wrote a role. */
  private readonly meddled = new Map<string, number>()
  /** Since when the pod with this uid is healthy, or is not. */
  private readonly since = new Map<string, number>()
  private generation = 0
  private isCalm = false
  /** How many things have happened. */
  troubles = 0

  constructor(
    private readonly plan: Plan,
    private readonly clock: Clock,
  ) {
    for (let n = 0; n < plan.groups; n++) {
      const group = groupOf(plan, n)
      this.groups.set(group.app, group)
      for (const service of group.services) this.cluster.putService(service)
      for (const name of group.podNames) this.create(group, name)
    }
  }

  group(app: string | undefined): SimulatedGroup {
    return this.groups.get(app ?? '') as SimulatedGroup
  }

  podsOf({ namespace, podNames }: SimulatedGroup): readonly Pod[] {
    return podNames.flatMap((name) => this.cluster.pod(namespace, name) ?? [])
  }

  servicesOf({ namespace, services }: SimulatedGroup): readonly Service[] {
    return services.flatMap(({ name }) => this.cluster.service(namespace, name) ?? [])
  }

  selectedBy(service: Service): readonly Pod[] {
    const pods = this.podsOf(this.group(service.selector.app))
    return pods.filter(({ labels }) => selects(service.selector, labels))
  }

  passesItsProbe({ uid }: Pod): boolean {
    return !this.failing.has(uid)
  }

  isHealthy(pod: Pod): boolean {
    const isReadyCheck = this.group(pod.labels.app).services[0]?.annotations['active-passive/health-check'] === 'ready'
    return !pod.terminating && pod.ready && (isReadyCheck || this.passesItsProbe(pod))
  }

  isForeign({ uid }: Pod): boolean {
    return this.foreign.has(uid)
  }

  /** A pass has written its role: it is no third party's any more. */
  disown({ uid }: Pod): void {
    this.foreign.delete(uid)
  }

  /** The version of the cluster when a third party last wrote a role of the group; 0: never. */
  meddledAt({ app }: SimulatedGroup): number {
    return this.meddled.get(app) ?? 0
  }

  /** Since when nothing has happened to it. */
  sinceMs({ uid }: Pod): number {
    return this.since.get(uid) ?? 0
  }

  /** Whether the Services are as their users left them: nothing of a swap is in them. */
  isHome(service: Service): boolean {
    const group = this.group(service.selector.app)
    const home = group.services.find(({ uid }) => uid === service.uid) as Service
    const note = this.notes.get(service.uid)
    const annotations = { ...home.annotations, ...(note === undefined ? {} : { note }) }
    return (
      !(PIN in service.selector || SWAP in service.annotations) &&
      isDeepStrictEqual([service.selector, service.annotations], [home.selector, annotations])
    )
  }

  /** Trouble until `calm` is called. */
  async live(): Promise<void> {
    const chances = [...this.groups.values()].map((group) => ({
      group,
      random: chanceOf(this.plan, 'life', group.app),
    }))
    while (!this.isCalm) {
      await this.clock.sleep(1_000)
      for (const { group, random } of chances) {
        if (random() * 100 < this.plan.pods && !this.isCalm) this.trouble(group, random)
      }
    }
  }

  /** Trouble at the worst moment: just when a pass has read the pods of these groups, and acts on it. */
  stir(apps: Iterable<string>, random: () => number): void {
    for (const app of apps) {
      if (random() * 100 >= this.plan.pods) continue
      void this.clock.sleep(60 * random()).then(() => {
        if (!this.isCalm) this.trouble(this.group(app), random)
      })
    }
  }

  /** From now on nothing happens, but what has begun goes on. */
  calm(): void {
    this.isCalm = true
  }

  private trouble(group: SimulatedGroup, random: () => number): void {
    const [what, name, waitMs] = [
      oneOf(random, TROUBLES),
      oneOf(random, group.podNames),
      oneOf(random, AWAY_MS) * random(),
    ]
    this.troubles++
    const pod = this.cluster.pod(group.namespace, name)
    if (what === 'edited') this.edit(oneOf(random, this.servicesOf(group)))
    else if (!pod) return
    else if (what === 'labelled') this.label(group, pod)
    else this.befall(group, pod, what, waitMs)
  }

  private befall(group: SimulatedGroup, pod: Pod, what: (typeof POD_TROUBLES)[number], waitMs: number): void {
    const { name, uid } = pod
    const nowMs = this.clock.now()
    this.since.set(uid, nowMs)
    switch (what) {
      case 'fails':
        this.failing.add(uid)
        break
      case 'recovers':
        this.failing.delete(uid)
        this.cluster.putPod({ ...pod, ready: true, readySinceMs: nowMs })
        break
      case 'ready':
      case 'not ready':
        this.cluster.putPod({ ...pod, ready: what === 'ready', readySinceMs: nowMs })
        break
      case 'terminates':
        if (pod.terminating) break
        this.cluster.putPod({ ...pod, terminating: true })
        void this.clock.sleep(waitMs).then(() => this.replace(group, name, uid, waitMs / 2))
        break
      case 'vanishes':
        this.replace(group, name, uid, waitMs)
    }
  }

  /** The pod is gone, and made again after a while, unless that has been done. */
  private replace(group: SimulatedGroup, name: string, uid: string, afterMs: number): void {
    const pod = this.cluster.pod(group.namespace, name)
    if (pod?.uid !== uid) return
    this.cluster.removePod(pod)
    if (afterMs === 0) this.create(group, name)
    else void this.clock.sleep(afterMs).then(() => this.create(group, name))
  }

  private create(group: SimulatedGroup, name: string): void {
    if (this.cluster.pod(group.namespace, name)) return
    const pod = podOf(group, name, this.generation++, this.clock.now())
    this.since.set(pod.uid, this.clock.now())
    this.cluster.putPod(pod)
  }

  /** A third party takes the role from a pod, or gives it: not to one of no epoch, for several would look like a template's. */
  private label(group: SimulatedGroup, pod: Pod): void {
    if (!group.isMeddledWith || epochOf(pod) === 0) return
    const role = isActive(pod) ? 'passive' : 'active'
    if (role === 'active') this.foreign.add(pod.uid)
    else this.foreign.delete(pod.uid)
    this.cluster.putPod({ ...pod, labels: { ...pod.labels, role } })
    this.meddled.set(group.app, this.cluster.version)
  }

  private edit(service: Service): void {
    const note = `of ${this.clock.now()}`
    this.notes.set(service.uid, note)
    this.cluster.putService(changed({ ...service, annotations: { ...service.annotations, note } }))
  }
}
