/** The groups and their pods, which fail and recover, are deleted and created again. */
import { isDeepStrictEqual } from 'node:util'
import { CLAIM, EPOCH, HEALED, PIN, TAKEN_BACK } from '../../handler/kube/keys.js'
import type { Pod, Service } from '../../handler/kube/port.js'
import type { Clock } from '../../handler/util/clock.js'
import { hasEnded, isActive, isBornWithRole, ownMark } from '../support/roles.js'
import { changed, ownedBy, selects } from '../support/stored.js'
import { withoutHistory } from '../support/without-history.js'
import { copyOf, groupOf, jobPodOf, podOf, type SimulatedGroup } from './groups.js'
import { chanceOf, oneOf, type Plan } from './plan.js'
import { Admission } from './simulated-admission.js'
import { Cluster } from './simulated-cluster.js'

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
/** Pods end and stay, by themselves or by the dozen; their labels are taken away, they are copied; Jobs; admission. */
const MESS = ['ends', 'ends', 'evicted', 'stripped', 'copied', 'a job', 'admission'] as const

type What = (typeof TROUBLES)[number] | (typeof MESS)[number]
/** What has ended is collected beyond that. */
const MOST_ENDED = 30
const EVICTED_AT_ONCE = 12

export class World {
  readonly cluster = new Cluster()
  readonly groups = new Map<string, SimulatedGroup>()
  /** The uids of the pods whose probes fail. */
  private readonly failing = new Set<string>()
  /** What users have written on Services since: of their annotations, the last `note`. */
  private readonly notes = new Map<string, string>()
  /** The uids of the pods that are active because a third party has labelled them. */
  private readonly foreign = new Set<string>()
  /** The groups whose users have taken the role out of the template. */
  private readonly mended = new Set<string>()
  /** By group: the version of the cluster when a third party last wrote a role. */
  private readonly meddled = new Map<string, number>()
  /** Since when the pod with this uid is healthy, or is not. */
  private readonly since = new Map<string, number>()
  /** By group: the names of all of its pods, and by place the name of the pod that its controller keeps there. */
  private readonly names = new Map<string, Set<string>>()
  private readonly places = new Map<string, string>()
  readonly admission = new Admission()
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

  /** Those that have not ended. */
  podsOf(group: SimulatedGroup): readonly Pod[] {
    return this.allOf(group).filter((pod) => !hasEnded(pod))
  }

  endedOf(group: SimulatedGroup): readonly Pod[] {
    return this.allOf(group).filter(hasEnded)
  }

  private allOf({ app, namespace }: SimulatedGroup): readonly Pod[] {
    return [...(this.names.get(app) ?? [])].flatMap((name) => this.cluster.pod(namespace, name) ?? [])
  }

  servicesOf({ namespace, services }: SimulatedGroup): readonly Service[] {
    return services.flatMap(({ name }) => this.cluster.service(namespace, name) ?? [])
  }

  selectedBy(service: Service): readonly Pod[] {
    const pods = this.podsOf(this.group(service.selector.app))
    return pods.filter(({ labels }) => selects(service.selector, labels))
  }

  passesItsProbe(pod: Pod): boolean {
    return !this.failing.has(pod.uid) && !this.hangs(pod)
  }

  /** Whether it never answers a probe. */
  hangs({ name, labels }: Pod): boolean {
    return this.group(labels.app).hanging.some((one) => name === one || name.startsWith(`${one}-`))
  }

  /** Whether the group has a controller whose pods are created with a role, or has had one until now. */
  isTemplated({ app, template }: SimulatedGroup): boolean {
    return template !== undefined && !this.mended.has(app)
  }

  isHealthy(pod: Pod): boolean {
    const isReadyCheck = this.group(pod.labels.app).services[0]?.annotations['active-passive/health-check'] === 'ready'
    const isProbed = !isReadyCheck && pod.containers.some(({ readinessProbe }) => readinessProbe)
    return !hasEnded(pod) && !pod.terminating && pod.ready && (!isProbed || this.passesItsProbe(pod))
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
    // What was healed may be noted on it.
    const { [HEALED]: _healed, ...written } = withoutHistory(service.annotations)
    return (
      !(PIN in service.selector || CLAIM in service.annotations) &&
      isDeepStrictEqual([service.selector, written], [home.selector, annotations])
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

  /** From now on nothing happens, but what has begun goes on; and users do what they were told to. */
  calm(): void {
    this.isCalm = true
    this.admission.end()
    for (const group of this.groups.values()) {
      if (group.template) this.mend(group)
      this.labelByHand(group)
    }
  }

  /** "Take the role out of the template, and create the pods anew." */
  private mend(group: SimulatedGroup): void {
    this.mended.add(group.app)
    const isWrong = (pod: Pod) =>
      (pod.owner === undefined && isMadeByController(pod)) ||
      pod.annotations?.[TAKEN_BACK] !== undefined ||
      (isBornWithRole(pod) && isMadeByController(pod))
    for (const pod of this.podsOf(group)) if (isWrong(pod)) this.remove(group, pod)
    for (const place of group.podNames) this.create(group, place)
  }

  /** "If it was set by hand: kubectl label pod NAME role- for all but one." */
  private labelByHand(group: SimulatedGroup): void {
    const actives = this.podsOf(group).filter(isActive)
    if (actives.some((pod) => Number(ownMark(pod, EPOCH) ?? 0) > 0)) return
    for (const pod of actives.slice(1)) this.strip(group, pod)
  }

  private trouble(group: SimulatedGroup, random: () => number): void {
    const isMess = random() * 200 < this.plan.mess
    const [what, place, waitMs]: readonly [What, string, number] = [
      isMess ? oneOf(random, MESS) : oneOf(random, TROUBLES),
      oneOf(random, group.podNames),
      oneOf(random, AWAY_MS) * random(),
    ]
    this.troubles++
    const pods = this.podsOf(group)
    const pod = pods.length > 0 ? oneOf(random, pods) : undefined
    if (what === 'edited') this.edit(oneOf(random, this.servicesOf(group)))
    else if (what === 'a job') this.runJob(group, 10 * waitMs)
    else if (what === 'evicted') this.evict(group, random)
    else if (what === 'admission') this.admission.begin(group, pods, random)
    else if (what === 'labelled' || what === 'stripped' || what === 'copied') {
      if (!pod) return
      if (what === 'labelled') this.label(group, pod)
      else if (what === 'copied') this.copy(group, pod, 10 * waitMs)
      else if (group.isMeddledWith) this.strip(group, pod)
    } else {
      const own = this.at(group, place)
      if (own && !hasEnded(own)) this.befall(group, place, own, what, waitMs)
    }
  }

  private at({ app, namespace }: SimulatedGroup, place: string): Pod | undefined {
    return this.cluster.pod(namespace, this.places.get(`${app} ${place}`) ?? '')
  }

  private befall(
    group: SimulatedGroup,
    place: string,
    pod: Pod,
    what: (typeof POD_TROUBLES)[number] | 'ends',
    waitMs: number,
  ): void {
    const { uid } = pod
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
        void this.clock.sleep(waitMs).then(() => this.replace(group, place, uid, waitMs / 2))
        break
      case 'vanishes':
        this.replace(group, place, uid, waitMs)
        break
      case 'ends':
        this.end(group, pod, 'Failed')
        void this.clock.sleep(waitMs).then(() => this.create(group, place))
    }
  }

  /** It stays as it is, with its labels. */
  private end(group: SimulatedGroup, pod: Pod, phase: 'Failed' | 'Succeeded'): void {
    this.cluster.putPod({ ...pod, phase, ready: false, readySinceMs: this.clock.now(), containers: [] })
    const [oldest, ...others] = this.endedOf(group)
    if (oldest && others.length >= MOST_ENDED) this.remove(group, oldest)
  }

  /** Pods that were there before, and that nobody has collected. */
  private evict(group: SimulatedGroup, random: () => number): void {
    for (let n = 0; n < EVICTED_AT_ONCE; n++) {
      const role = oneOf(random, ['passive', 'passive', undefined, n === 0 ? 'active' : 'passive'] as const)
      const name = `${group.app}-evicted-${this.generation}`
      const pod = podOf(group, name, this.generation++, this.clock.now())
      this.add(group, { ...pod, labels: { ...pod.labels, ...(role ? { role } : {}) } })
      this.end(group, this.cluster.pod(group.namespace, name) as Pod, 'Failed')
    }
  }

  private runJob(group: SimulatedGroup, forMs: number): void {
    const { name, uid } = this.add(group, jobPodOf(group, this.generation++, this.clock.now()))
    void this.clock.sleep(forMs).then(() => {
      const pod = this.cluster.pod(group.namespace, name)
      if (pod?.uid === uid) this.end(group, pod, 'Succeeded')
    })
  }

  private copy(group: SimulatedGroup, pod: Pod, forMs: number): void {
    if (!group.isCopied || pod.terminating || pod.owner?.kind === 'Job') return
    const copy = this.add(group, copyOf(pod, this.generation++, this.clock.now()))
    if (isActive(copy)) this.foreign.add(copy.uid)
    this.meddled.set(group.app, this.cluster.version)
    void this.clock.sleep(forMs).then(() => {
      const found = this.cluster.pod(group.namespace, copy.name)
      if (found && !this.isCalm) this.remove(group, found)
    })
  }

  /** The pod is gone, and made again after a while, unless that has been done. */
  private replace(group: SimulatedGroup, place: string, uid: string, afterMs: number): void {
    const pod = this.at(group, place)
    if (pod?.uid !== uid) return
    this.remove(group, pod)
    if (afterMs === 0) this.create(group, place)
    else void this.clock.sleep(afterMs).then(() => this.create(group, place))
  }

  private remove({ app }: SimulatedGroup, pod: Pod): void {
    this.cluster.removePod(pod)
    this.names.get(app)?.delete(pod.name)
  }

  private add({ app }: SimulatedGroup, pod: Pod): Pod {
    this.since.set(pod.uid, this.clock.now())
    this.cluster.putPod(pod)
    this.names.set(app, (this.names.get(app) ?? new Set()).add(pod.name))
    return pod
  }

  /** What a controller does where it has too few pods. A name that is taken by one that has ended is not used again. */
  private create(group: SimulatedGroup, place: string): void {
    const before = this.at(group, place)
    if (before && !hasEnded(before) && before.owner) return
    const name = before ? `${place}-${this.generation}` : place
    const isTemplated = this.isTemplated(group) && chanceOf(this.plan, 'birth', group.app, this.generation)() < 0.5
    const role = isTemplated ? group.template?.role : undefined
    this.places.set(`${group.app} ${place}`, name)
    const pod = this.add(group, podOf(group, name, this.generation++, this.clock.now(), role))
    if (role === undefined) return
    if (role === 'active') this.foreign.add(pod.uid)
    this.meddled.set(group.app, this.cluster.version)
  }

  /**
   * A pass has written a role: a controller that selects by it lets go of the pod, and creates another one.
   * @returns what is broken
   */
  reconcile(group: SimulatedGroup, before: Pod, after: Pod): string | undefined {
    if (!group.template?.isSelector || !this.isTemplated(group)) return undefined
    // Of one that terminates it has made another already.
    if (!isBornWithRole(before) || isBornWithRole(after) || !after.owner || before.terminating) return undefined
    const place = group.podNames.find((one) => this.at(group, one)?.uid === after.uid)
    if (place === undefined) return undefined
    const { owner: _, ...orphan } = after
    const others = this.podsOf(group).filter((pod) => !pod.owner && isMadeByController(pod))
    this.cluster.putPod(orphan)
    void this.clock.sleep(30).then(() => this.create(group, place))
    return others.length === 0
      ? undefined
      : `${after.name} loses its owner by our hand, and ${others.map(({ name }) => name).join(' and ')} did before`
  }

  /** A third party takes the role from a pod, or gives it: not to one of no epoch, for several would look like a template's. */
  private label(group: SimulatedGroup, pod: Pod): void {
    if (!group.isMeddledWith || Number(ownMark(pod, EPOCH) ?? 0) === 0 || pod.owner?.kind === 'Job') return
    const role = isActive(pod) ? 'passive' : 'active'
    if (role === 'active') this.foreign.add(pod.uid)
    else this.foreign.delete(pod.uid)
    this.cluster.putPod(ownedBy('kubectl-label', pod, { ...pod, labels: { ...pod.labels, role } }))
    this.meddled.set(group.app, this.cluster.version)
  }

  /** A third party takes our labels off. */
  private strip(group: SimulatedGroup, pod: Pod): void {
    const { role: _, [PIN]: __, ...labels } = pod.labels
    this.foreign.delete(pod.uid)
    this.cluster.putPod(ownedBy('kubectl-label', pod, { ...pod, labels }))
    this.meddled.set(group.app, this.cluster.version)
  }

  private edit(service: Service): void {
    const note = `of ${this.clock.now()}`
    this.notes.set(service.uid, note)
    this.cluster.putService(changed({ ...service, annotations: { ...service.annotations, note } }))
  }
}

function isMadeByController({ writers = [] }: Pod): boolean {
  return writers.some(({ created, manager }) => created && manager === 'kube-controller-manager')
}
