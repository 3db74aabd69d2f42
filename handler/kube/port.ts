/**
 * What the rest of the program knows of Kubernetes: two reads, three writes and, for `serve`, watches. `client.ts` is the
 * one implementation that talks to an API server; tests put schedulers and fault injectors under the same port.
 *
 * The contract that safety rests on:
 * - Reads are consistent: a list reflects every write that was answered before the list was sent.
 * - A pod patch is atomic. Its tests are evaluated against the stored pod at the moment of the write; if any of them
 *   fails nothing is written and the outcome is `lost`.
 * - A Service patch carries a resourceVersion; if the stored Service has another one, nothing is written: `lost`.
 * - `changed` means that something was written, and not all of it as it was asked for (verified.ts).
 * - `unauthenticated` says nothing of the object: the API server did not know who asks, and nothing was written.
 * - `unknown` means that the write may have been applied, may be applied later, or never. No other outcome may.
 */

/** The name that our writes have in managedFields. */
export const FIELD_MANAGER = 'active-passive'

/**
 * A pod, cut down to what a pass looks at. Labels and annotations are as they stand, not interpreted; from an API server,
 * their maps and those of a Service inherit nothing, so that any key may be asked for.
 */
export interface Pod {
  readonly namespace: string
  readonly name: string
  readonly uid: string
  readonly labels: Readonly<Record<string, string>>
  /** `undefined` when the pod has no annotations map at all: JSON Patch needs another shape then. */
  readonly annotations: Readonly<Record<string, string>> | undefined
  /** Epoch milliseconds; 0 when unknown. */
  readonly createdAtMs: number
  readonly phase: string
  readonly terminating: boolean
  readonly ready: boolean
  /** When the Ready condition last changed, epoch milliseconds; 0 when unknown. */
  readonly readySinceMs: number
  /** When a container of it was last started again, epoch milliseconds. Absent: none was, or none is running. */
  readonly restartedAtMs?: number
  /** IPv4 or IPv6, without brackets; absent until the kubelet has reported one. */
  readonly ip?: string
  /** Ordinary ones, then sidecars: the order in which Kubernetes looks up a port by its name. Of a pod that has ended: none. */
  readonly containers: readonly Container[]
  /** Its containers are not started again for ever (restartPolicy Never or OnFailure): it does its work and ends. */
  readonly runsOnce?: true
  /** The controller that it belongs to; absent: none. */
  readonly owner?: Owner
  /** Who wrote its labels and our annotations. Absent: unknown, or the pod has ended. */
  readonly writers?: readonly Writer[]
}

/** A controller, as a pod's owner reference names it. */
export interface Owner {
  readonly kind: string
  readonly name: string
  readonly uid: string
}

/** What one field manager has set on a pod, as its managedFields tell. */
export interface Writer {
  readonly manager: string
  /** It has created the pod: what it has set is what the pod was born with, from a manifest or a template. */
  readonly created: boolean
  /** It has set an owner reference. A controller does that as it creates a pod; one that adopts it does it later. */
  readonly owns: boolean
  /** Keys. */
  readonly labels: readonly string[]
  /** Keys, of our annotations only. */
  readonly annotations: readonly string[]
}

/** A container that takes part in the pod's readiness (an ordinary one or a sidecar). */
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

/** A readinessProbe as declared; `kind` is what the kubelet would do. */
export type ReadinessProbe = {
  readonly timeoutMs: number
  /** Absent: 3, as for Kubernetes. */
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
  | { readonly kind: 'grpc' }
  | { readonly kind: 'exec' }
)

/** A Service, cut down to what a pass looks at. */
export interface Service {
  readonly namespace: string
  readonly name: string
  readonly uid: string
  readonly resourceVersion: string
  readonly annotations: Readonly<Record<string, string>>
  /** Absent selectors are empty. */
  readonly selector: Readonly<Record<string, string>>
  readonly publishNotReadyAddresses: boolean
  /** Without an address of its own: DNS names its pods, whatever their ports are. */
  readonly headless?: true
  /** Of type ExternalName: a name in DNS, which leads to no pods whatever its selector says. */
  readonly external?: true
  /** It is being deleted, and may be for as long as a finalizer holds it. */
  readonly terminating?: true
  /** Absent or empty: a headless Service may have none. */
  readonly ports?: readonly ServicePort[]
  /** Of a Service with a claim or a pin alone: who wrote that last. Absent: nobody is known. */
  readonly claimedBy?: ClaimWriter
}

/** The field manager that has written the claim of a Service, or the selector with the pin, as managedFields tell. */
export interface ClaimWriter {
  readonly manager: string
  /** When it last wrote any of its fields, by the API server's clock, to the second: `2026-01-01T12:00:00Z`. */
  readonly time: string
}

export interface ServicePort {
  readonly name?: string
  /** A number, or the name of a container port, which each pod may give another number. */
  readonly targetPort: string | number
  readonly protocol: string
}

/** One operation of a JSON Patch (RFC 6902). A `test` against `null` passes when the path is absent. */
export type PatchOperation =
  | { readonly op: 'test'; readonly path: string; readonly value: string | null }
  | { readonly op: 'add'; readonly path: string; readonly value: string | Readonly<Record<string, string>> }
  /** Fails where there is nothing. */
  | { readonly op: 'remove'; readonly path: string }

/** A JSON Merge Patch (RFC 7386) of a pod's metadata; `null` removes. The uid is tested by the server. */
export interface PodMetadataPatch {
  readonly uid: string
  readonly labels?: Readonly<Record<string, string | null>>
  readonly annotations?: Readonly<Record<string, string | null>>
}

/** A JSON Merge Patch of a Service, valid for one resourceVersion only; `null` removes a key. */
export interface ServicePatch {
  readonly resourceVersion: string
  readonly annotations: Readonly<Record<string, string | null>>
  readonly selector: Readonly<Record<string, string | null>>
}

/** What became of a write. */
export type Written<T> =
  | { readonly kind: 'applied'; readonly object: T }
  /** A test failed, or the resourceVersion has moved on: somebody else was here first. */
  | { readonly kind: 'lost' }
  /** The API server knows no such object (any more), or one of another uid. A 404 from elsewhere is not this. */
  | { readonly kind: 'gone' }
  /** Written, and answered with a success, but something that was asked for is not there: admission has changed it. */
  | { readonly kind: 'changed'; readonly object: T; readonly error: KubeError }
  /** 403, or whatever an admission policy or webhook refuses with. Nothing was written. */
  | { readonly kind: 'denied'; readonly error: KubeError }
  /** 401 with a fresh credential too, or no credential to show. Nothing was written; it says nothing of the object. */
  | { readonly kind: 'unauthenticated'; readonly error: KubeError }
  /** 429: nothing was written; ask again after `retryAfterMs`. */
  | { readonly kind: 'throttled'; readonly retryAfterMs: number }
  /** Any other 4xx: nothing was written, and asking again will not help. */
  | { readonly kind: 'rejected'; readonly error: KubeError }
  /** No answer, a 5xx, or a success that is not the API server's. */
  | { readonly kind: 'unknown'; readonly error: KubeError }

export type Outcome = Written<unknown>['kind']

/** Whether somebody was asked, and said no, or did something else. */
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
  /** How many requests were sent so far, retries included. */
  readonly requests: number
  /** Every list is whole (all pages of one resourceVersion). @throws KubeError */
  listServices(options: ListOptions, signal: AbortSignal): Promise<readonly Service[]>
  /** @throws KubeError */
  listPods(options: ListOptions, signal: AbortSignal): Promise<readonly Pod[]>
  /** Compare-and-swap by the patch's own tests. Never throws for what the server or the network did. */
  patchPod(pod: Pod, patch: readonly PatchOperation[], signal: AbortSignal): Promise<Written<Pod>>
  /** Sets labels and annotations of the pod with this uid, whatever else they are. */
  patchPodMetadata(pod: Pod, patch: PodMetadataPatch, signal: AbortSignal): Promise<Written<Pod>>
  /** Compare-and-swap by resourceVersion. */
  patchService(service: Service, patch: ServicePatch, signal: AbortSignal): Promise<Written<Service>>
  /** Writes nothing: `applied` if this Service has this annotation at the moment, `lost` if not. Reads as a list does. */
  testService(service: Service, annotation: string, value: string, signal: AbortSignal): Promise<Written<Service>>
}

/** What a watch reads and tells: all objects of a kind in a namespace, or in all. */
export interface Watchable<T> {
  /** What there is, and the version after which `watch` begins. @throws KubeError */
  list(signal: AbortSignal): Promise<{ readonly objects: readonly T[]; readonly resourceVersion: string }>
  /**
   * The changes since then, as they happen, until the server ends it. Resolves once the server has begun to answer;
   * the changes throw as well. @throws Expired, KubeError
   */
  watch(resourceVersion: string, signal: AbortSignal): Promise<AsyncIterable<Change<T>>>
}

/** `resourceVersion` is where a watch goes on that ends here. A bookmark says nothing else. */
export type Change<T> =
  | { readonly kind: 'changed' | 'deleted'; readonly object: T; readonly resourceVersion: string }
  | { readonly kind: 'bookmark'; readonly resourceVersion: string }

/** The server does not know the version any more: only a list tells what there is. */
export class Expired extends Error {
  override readonly name = 'Expired'
}

/** The API server refused or did not answer. What it said is cut short, `remedy` is an instruction in a full sentence. */
export class KubeError extends Error {
  override readonly name = 'KubeError'
  /** When it wants to be asked again, if it said so. */
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
