/** Pods and Services as drafts for an API, the in-process one or a real one. */

export interface PodDraft {
  readonly name: string
  /** 127.0.0.1 unless told. */
  readonly ip?: string
  /** The container port named `http`, and the one that the readinessProbe asks for `/health`. */
  readonly port: number
  readonly labels?: Readonly<Record<string, string>>
  readonly annotations?: Readonly<Record<string, string>>
  /** Absent: an httpGet of `/health` on the port; `null`: none. */
  readonly readinessProbe?: object | null
  readonly ready?: boolean
  readonly phase?: string
  readonly generateName?: string
  readonly ownerReferences?: readonly object[]
}

/** What the pod is: never scheduled on a real cluster, so that its status is the test's own. */
export function podDraft(draft: PodDraft) {
  const { name, port, labels, annotations, readinessProbe, generateName, ownerReferences } = draft
  const probe = readinessProbe === undefined ? { httpGet: { path: '/health', port: 'http' } } : readinessProbe
  return {
    metadata: {
      name,
      labels: { app: 'helloworld', ...labels },
      ...(annotations ? { annotations } : {}),
      ...(generateName ? { generateName } : {}),
      ...(ownerReferences ? { ownerReferences } : {}),
    },
    spec: {
      schedulerName: 'none',
      automountServiceAccountToken: false,
      containers: [
        {
          name: 'app',
          image: 'helloworld',
          ports: [{ name: 'http', containerPort: port }],
          ...(probe ? { readinessProbe: probe } : {}),
        },
      ],
    },
  }
}

/** What a kubelet would say of the pod. */
export function podStatus({ ip = '127.0.0.1', ready = true, phase = 'Running' }: Partial<PodDraft>) {
  const lastTransitionTime = '2026-01-01T00:00:00Z'
  return {
    phase,
    podIP: ip,
    podIPs: [{ ip }],
    conditions: [{ type: 'Ready', status: ready ? 'True' : 'False', lastTransitionTime }],
  }
}

export interface ServiceDraft {
  readonly name: string
  readonly selector?: Readonly<Record<string, string>>
  readonly annotations?: Readonly<Record<string, string>>
  readonly spec?: object
}

/** A Service that selects the active one of the pods above. */
export function serviceDraft({ name, selector, annotations, spec }: ServiceDraft) {
  return {
    metadata: { name, ...(annotations ? { annotations } : {}) },
    spec: { selector: selector ?? { app: 'helloworld', role: 'active' }, ports: [{ port: 80 }], ...spec },
  }
}
