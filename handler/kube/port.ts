/**
 * The program's view of Kubernetes: two reads, three writes, one test and, for `serve`, watches. `client.ts` is the one
 * implementation that talks to an API server. Tests put schedulers and fault injectors behind the same interface.
 *
 * Safety rests on this contract:
 * - Reads are consistent: a list reflects every write that was answered before the list was sent.
 * - A pod patch is atomic. The server evaluates its tests against the stored pod at the moment of the write. If a test
 *   fails, nothing is written and the outcome is `lost`.
 * - A Service patch carries a resourceVersion. If the stored Service has another one, nothing is written: `lost`.
 * - `changed` means that something was written, but not everything as it was asked for (verified.ts).
 * - `unauthenticated` says nothing about the object: the API server did not know who asks, and nothing was written.
 * - `unknown` means that the write may have been applied, may be applied later, or never. No other outcome may be so.
 */

/** The field manager of our writes in managedFields. */
export const FIELD_MANAGER = 'active-passive'

/**
 * The fields of a pod that a pass looks at. Labels and annotations are not interpreted. From an API server, the maps of
 * a pod and of a Service have no prototype, so that any key may be looked up.
 */
export interface Pod {
  readonly namespace: string
  readonly name: string
  readonly uid: string
  readonly labels: Readonly<Record<string, string>>
  /** `undefined` if the pod has no annotations map at all: JSON Patch then needs another form. */
  readonly annotations: Readonly<Record<string, string>> | undefined
  /** Epoch milliseconds; 0 when unknown. */
  readonly createdAtMs: number
  readonly phase: string
  readonly terminating: boolean
  readonly ready: boolean
  /** When the Ready condition last changed, epoch milliseconds; 0 when unknown. */
  readonly readySinceMs: number
  /** When a container that runs now was last restarted, epoch milliseconds. Absent: no running container was. */
  readonly restartedAtMs?: number
  /** The name of its node. Absent: it has none yet, or the pod has ended. */
  readonly node?: string
  /** IPv4 or IPv6, without brackets. Absent until the kubelet has reported one. */
  readonly ip?: string
  /**
   * Ordinary containers, then sidecars: Kubernetes looks up the name of a port in this order. Empty for a pod that has
   * ended.
   */
  readonly containers: readonly Container[]
  /** Its restartPolicy is Never or OnFailure: it does its work and ends. */
  readonly runsOnce?: true
  /** The controller that the pod belongs to. Absent: none. */
  readonly owner?: Owner
  /** The writers of its labels and of our annotations. Absent: unknown, or the pod has ended. */
  readonly writers?: readonly Writer[]
  /** The error that reading it has met: nothing else is known of it but its name, its labels and its phase. */
  readonly unread?: unknown
}

/** A controller, from a pod's owner reference. */
export interface Owner {
  readonly kind: string
  readonly name: string
  readonly uid: string
}

/** The fields of a pod that one field manager has set, by managedFields. */
export interface Writer {
  readonly manager: string
  /** It has created the pod. Its fields come from the pod's manifest or template. */
  readonly created: boolean
  /**
   * It has set an owner reference. A controller does so when it creates a pod; a controller that adopts a pod does so
   * later.
   */
  readonly owns: boolean
  /** Keys. */
  readonly labels: readonly string[]
  /** Keys of our annotations. */
  readonly annotations: readonly string[]
}

/** A container that counts for the pod's readiness: an ordinary one or a sidecar. */
export interface Container {
  readonly name: string
  readonly ports: readonly ContainerPort[]
  readonly readinessProbe?: ReadinessProbe
}

export interface ContainerPort {
  readonly name?: string
  readonly number: number
  /** `UDP` or `SCTP`; absent: TCP. */
  readonly protocol?: string
}

/** A readinessProbe as declared. `kind` is the handler that the kubelet would use. */
export type ReadinessProbe = {
  readonly timeoutMs: number
  /** Absent: 3, Kubernetes' default. */
  readonly failureThreshold?: number
} & (
  | {
      readonly kind: 'http'
      readonly scheme: 'http' | 'https'
      readonly host?: string
      readonly port: string | number
      readonly path: string
      readonly headers: readonly (readonly [name: string, value: string])[]
    }
  | { readonly kind: 'tcp'; readonly host?: string; readonly port: string | number }
  /** `service` is empty for the whole server. */
  | { readonly kind: 'grpc'; readonly port: number; readonly service: string }
  /** `isExpanded`: the kubelet replaces something in the command: `$$`, or `$(NAME)` of a variable of the container. */
  | { readonly kind: 'exec'; readonly command: readonly string[]; readonly isExpanded?: true }
)

/** The fields of a Service that a pass looks at. */
export interface Service {
  readonly namespace: string
  readonly name: string
  readonly uid: string
  readonly resourceVersion: string
  readonly annotations: Readonly<Record<string, string>>
  /** Absent: it has none. */
  readonly labels?: Readonly<Record<string, string>>
  /** Empty if the Service has none. */
  readonly selector: Readonly<Record<string, string>>
  readonly publishNotReadyAddresses: boolean
  /** It has no cluster IP: DNS names its pods, whatever their ports are. */
  readonly headless?: true
  /** It is of type ExternalName: a name in DNS, which leads to no pods whatever its selector says. */
  readonly external?: true
  /** It is being deleted, which lasts for as long as a finalizer holds it. */
  readonly terminating?: true
  /** A headless Service may have none. */
  readonly ports?: readonly ServicePort[]
  /** Only on a Service with a claim or a pin: its last writer. Absent: unknown. */
  readonly claimedBy?: ClaimWriter
  /** The error that reading it has met: nothing else is known of it but its name, its labels, its annotations and its selector. */
  readonly unread?: unknown
}

/** The field manager that has written the claim, or the selector with the pin, by managedFields. */
export interface ClaimWriter {
  readonly manager: string
  /** When it last wrote any of its fields, by the API server's clock, to the second: `2026-01-01T12:00:00Z`. */
  readonly time: string
}

export interface ServicePort {
  readonly name?: string
  /** A number, or the name of a container port. Each pod may give that name another number. */
  readonly targetPort: string | number
  readonly protocol: string
}

/** One operation of a JSON Patch (RFC 6902). A `test` against `null` passes if the path is absent. */
export type PatchOperation =
  | { readonly op: 'test'; readonly path: string; readonly value: string | null }
  | { readonly op: 'add'; readonly path: string; readonly value: string | Readonly<Record<string, string>> }
  /** Fails if the path is absent. */
  | { readonly op: 'remove'; readonly path: string }

/** A JSON Merge Patch (RFC 7386) of a pod's metadata. `null` removes a key. The server tests the uid. */
export interface PodMetadataPatch {
  readonly uid: string
  readonly labels?: Readonly<Record<string, string | null>>
  readonly annotations?: Readonly<Record<string, string | null>>
}

/** A JSON Merge Patch of a Service, valid for one resourceVersion. `null` removes a key. */
export interface ServicePatch {
  readonly resourceVersion: string
  readonly annotations: Readonly<Record<string, string | null>>
  readonly selector: Readonly<Record<string, string | null>>
}

/** The outcome of a write. */
export type Written<T> =
  | { readonly kind: 'applied'; readonly object: T }
  /** A test failed, or the resourceVersion has changed: somebody else wrote first. */
  | { readonly kind: 'lost' }
  /**
   * The API server says that there is no such object, or that it has another uid. A 404 of another server does not
   * count.
   */
  | { readonly kind: 'gone' }
  /** The write was answered with a success, but a field is not as it was asked for: admission has changed it. */
  | { readonly kind: 'changed'; readonly object: T; readonly error: KubeError }
  /** 403, or a refusal of an admission policy or webhook, whatever its status. Nothing was written. */
  | { readonly kind: 'denied'; readonly error: KubeError }
  /**
   * 401 with a fresh credential too, or no credential to show. Nothing was written. It says nothing about the object.
   */
  | { readonly kind: 'unauthenticated'; readonly error: KubeError }
  /** 429: nothing was written. Try again after `retryAfterMs`. */
  | { readonly kind: 'throttled'; readonly retryAfterMs: number }
  /** Any other 4xx: nothing was written, and trying again will not help. */
  | { readonly kind: 'rejected'; readonly error: KubeError }
  /** No answer, a 5xx, or a success that did not come from the API server. */
  | { readonly kind: 'unknown'; readonly error: KubeError }

export type Outcome = Written<unknown>['kind']

/** Whether the server refused the write, or wrote something other than what was asked. */
export function isRefusal<R extends { readonly kind: string }>(
  result: R,
): result is Extract<R, { readonly kind: 'denied' | 'rejected' | 'changed' }> {
  return result.kind === 'denied' || result.kind === 'rejected' || result.kind === 'changed'
}

export interface ListOptions {
  /** Absent: all namespaces. */
  readonly namespace?: string | undefined
  /** Equality requirements, all of which must hold. */
  readonly labels?: Readonly<Record<string, string>> | undefined
}

export interface Kube {
  /** The number of requests sent so far, retries included. */
  readonly requests: number
  /** Lists are whole: all pages have one resourceVersion. @throws KubeError */
  listServices(options: ListOptions, signal: AbortSignal): Promise<readonly Service[]>
  /** @throws KubeError */
  listPods(options: ListOptions, signal: AbortSignal): Promise<readonly Pod[]>
  /** Compare-and-swap by the tests in the patch. Never throws for anything that the server or the network did. */
  patchPod(pod: Pod, patch: readonly PatchOperation[], signal: AbortSignal): Promise<Written<Pod>>
  /** Sets labels and annotations of the pod with this uid, whatever their values are now. */
  patchPodMetadata(pod: Pod, patch: PodMetadataPatch, signal: AbortSignal): Promise<Written<Pod>>
  /** Compare-and-swap by resourceVersion. */
  patchService(service: Service, patch: ServicePatch, signal: AbortSignal): Promise<Written<Service>>
  /**
   * Writes nothing. `applied` if the Service has this annotation at the moment, `lost` if not. As consistent as a list.
   */
  testService(service: Service, annotation: string, value: string, signal: AbortSignal): Promise<Written<Service>>
}

/** All objects of a kind, in one namespace or in all, to be listed and watched. */
export interface Watchable<T> {
  /** Lists the objects, with the version after which `watch` begins. @throws KubeError */
  list(signal: AbortSignal): Promise<{ readonly objects: readonly T[]; readonly resourceVersion: string }>
  /**
   * The changes since that version, as they happen, until the server ends the watch. Resolves once the server has begun
   * to answer. The iteration throws the same errors. @throws Expired, KubeError
   */
  watch(resourceVersion: string, signal: AbortSignal): Promise<AsyncIterable<Change<T>>>
}

/** One event of a watch. A watch that ends here continues from `resourceVersion`. A bookmark has nothing else. */
export type Change<T> =
  | { readonly kind: 'changed' | 'deleted'; readonly object: T; readonly resourceVersion: string }
  | { readonly kind: 'bookmark'; readonly resourceVersion: string }

/** The server no longer has the version of a watch: only a new list tells what there is. */
export class Expired extends Error {
  override readonly name = 'Expired'
}

/**
 * The API server refused or did not answer. Its message is cut short; `remedy` is an instruction in a full sentence.
 */
export class KubeError extends Error {
  override readonly name = 'KubeError'
  /** How long the server asked to wait. `undefined`: it did not say. */
  readonly retryAfterMs: number | undefined
  constructor(
    /**
     * `unreachable`: no answer. `unauthenticated`: 401, or no credentials to show. `denied`: 403.
     * `changed-by-admission`: a success that is not what was asked for. `failed`: any other answer.
     */
    readonly code: 'unreachable' | 'unauthenticated' | 'denied' | 'changed-by-admission' | 'failed',
    message: string,
    readonly remedy: string,
    { retryAfterMs, ...options }: ErrorOptions & { readonly retryAfterMs?: number | undefined } = {},
  ) {
    super(message, options)
    this.retryAfterMs = retryAfterMs
  }
}

/** Whether the message says that a ValidatingAdmissionPolicy or a webhook denied the request. Authorization has other words. */
export function isDeniedByAdmission(message: string): boolean {
  return /\bdenied (?:the )?request\b/.test(message)
}
