// Checks that are commands, on a real node: as the kubelet runs them, and as a pass does through the API server.
import { beforeAll, describe, expect, it } from 'vitest'
import { execBy } from '../../handler/health/exec.js'
import { loadConfig } from '../../handler/kube/auth/config.js'
import { connectCommands } from '../../handler/kube/exec.js'
import type { KubeObject } from '../support/cluster/client.js'
import { until } from '../support/cluster/poll.js'
import type { NodeCluster } from '../support/node/node-cluster.js'
import { type NodeWorld, openNodeWorld, withoutSleep } from '../support/on-node.js'

const demo = 'statefulset'
const ACCOUNT = 'system:serviceaccount:commands:active-passive'
const node = (script: string): readonly string[] => ['node', '-e', script]

interface Row {
  readonly command: readonly string[]
  readonly kubelet: boolean
  /** What our check says. It agrees with the kubelet unless its row says why not. */
  readonly text: string | RegExp
  readonly ours?: boolean
}

/** A container for each, and a command that tells it from the others. */
const ROWS: Readonly<Record<string, Row>> = {
  passes: { command: node('0'), kubelet: true, text: 'exit code 0' },
  speaks: { command: node('console.log("one\\ntwo")'), kubelet: true, text: 'exit code 0: two' },
  fails: {
    command: node('console.error("FATAL: starting up"); process.exit(1)'),
    kubelet: false,
    text: 'exit code 1: FATAL: starting up',
  },
  hangs: { command: node('setTimeout(() => {}, 8000)'), kubelet: false, text: 'no exit within 2s' },
  killed: { command: node('process.kill(process.pid, 9)'), kubelet: false, text: 'exit code 137' },
  absent: { command: ['pg_isready', '-q'], kubelet: false, text: 'command not found in the container' },
  itself: {
    command: node('process.exit(process.env.MINE === "itself" ? 0 : 1)'),
    kubelet: true,
    text: 'exit code 0',
  },
  // The kubelet replaces the variable. Such a command is not run from here: handler/health/declared.ts.
  expanded: {
    command: node('process.exit("$(MINE)" === "expanded" ? 0 : 1)'),
    kubelet: true,
    ours: false,
    text: 'exit code 1',
  },
  // The kubelet reads 10 KiB of it, and waits for the end.
  loud: {
    command: node('require("fs").writeSync(1, "y".repeat(3e6))'),
    kubelet: true,
    ours: false,
    text: /^(more than 1 MiB of output|exit code)/,
  },
}

type Pod = KubeObject & {
  readonly status: { readonly containerStatuses?: readonly { readonly name: string; readonly ready: boolean }[] }
}

interface Group {
  readonly decision: string
  readonly reason: { readonly code: string }
  readonly active: { readonly after: string | null }
  readonly pods: readonly {
    readonly name: string
    readonly check: { readonly kind: string; readonly result: string }
  }[]
  readonly error?: { readonly code: string; readonly message: string; readonly remedy: string }
}

/** @param cluster is asked for it when tests begin */
export function testCommandsInPods(cluster: () => NodeCluster): void {
  let world: NodeWorld
  beforeAll(async () => {
    world = await openNodeWorld(cluster(), 'commands')
  })

  it('agree with the kubelet about what a readinessProbe finds', async () => {
    const containers = Object.entries(ROWS).map(([name, { command }]) => ({
      ...{ name, image: 'node:26-slim', imagePullPolicy: 'Never' },
      command: node('process.on("SIGTERM", () => process.exit()); setInterval(() => {}, 1e6)'),
      env: [{ name: 'MINE', value: name }],
      readinessProbe: { exec: { command }, timeoutSeconds: 2, periodSeconds: 1, failureThreshold: 1 },
    }))
    const path = '/api/v1/namespaces/commands/pods'
    await world.api.post(path, { metadata: { name: 'rows' }, spec: { containers } })
    const expected = Object.entries(ROWS).flatMap(([name, { kubelet }]) => (kubelet ? [name] : []))
    const ready = async () => {
      const { status } = await world.api.get<Pod>(`${path}/rows`)
      return (status.containerStatuses ?? []).flatMap(({ name, ready }) => (ready ? [name] : [])).sort()
    }
    const allReady = async () => {
      const found = await ready()
      return found.length >= expected.length ? found : undefined
    }
    expect(await until('what passes is Ready', allReady, { timeoutMs: 60_000 })).toEqual(expected.sort())

    const exec = execBy(connectCommands(loadConfig({ kubeconfig: cluster().kubeconfig, env: process.env })))
    for (const [name, row] of Object.entries(ROWS)) {
      const target = { kind: 'exec', pod: { namespace: 'commands', name: 'rows' } as never, container: name } as const
      // On a busy machine the others take seconds too.
      const limitMs = name === 'hangs' ? 2_000 : 20_000
      const result = await exec({ ...target, command: row.command }, limitMs, new AbortController().signal)
      expect([name, result.healthy]).toEqual([name, row.ours ?? row.kubelet])
      expect(result.text).toMatch(row.text)
      expect(result).not.toHaveProperty('unmade')
    }
    await world.kubectl('delete', 'pod', 'rows', '-n', 'commands', '--wait=false', '--grace-period=1')
  })

  describe('move the role', () => {
    const group = async (...args: readonly string[]) => {
      const { code, stdout, stderr } = await world.pass('-o', 'json', '--period=0s', ...args)
      const [first] = (JSON.parse(stdout || '{}') as { readonly groups?: readonly Group[] }).groups ?? []
      if (!first) throw new Error(`no report: ${stderr}`)
      return { code, ...first }
    }
    const annotate = (check: string) =>
      world.kubectl(
        ...['annotate', 'service', 'helloworld', '-n', 'commands', '--overwrite'],
        `active-passive/health-check=${check}`,
      )
    const command = (script: string) => `exec: ${JSON.stringify(node(script))}`
    const failsOn = (pod: string) => command(`process.exit(require("os").hostname() === "${pod}" ? 3 : 0)`)

    beforeAll(async () => {
      const readinessProbe = {
        exec: {
          command: node('fetch("http://localhost:8080/health").then((answer) => process.exit(answer.ok ? 0 : 1))'),
        },
        timeoutSeconds: 5,
      }
      const patch = JSON.stringify([
        { op: 'replace', path: '/spec/template/spec/containers/0/readinessProbe', value: readinessProbe },
      ])
      await world.applyDemo(demo, { patches: [withoutSleep, { target: { kind: 'StatefulSet' }, patch }] })
    })

    it('by the readinessProbe, where commands are allowed; by the Ready condition where not', async () => {
      const [allowed, not] = [await group('--allow-exec'), await group()]
      expect(allowed).toMatchObject({ code: 0, decision: 'first', active: { after: 'helloworld-0' } })
      expect(allowed.pods[0]?.check).toMatchObject({ kind: 'exec', result: 'exit code 0' })
      expect(not.pods[0]?.check).toMatchObject({ kind: 'ready' })
    })

    it('never by an annotation that is not allowed', async () => {
      await annotate(failsOn('helloworld-0'))
      const refused = await group()
      expect(refused).toMatchObject({ code: 1, decision: 'error', error: { code: 'bad-annotation' } })
      expect(refused.error?.remedy).toContain('--allow-exec')
      expect((await world.active(demo))?.name).toBe('helloworld-0')
    })

    it('never by a command that the account may not run, with or without jobs/policy: it says which right is missing', async () => {
      const suspended = { target: { kind: 'CronJob' }, patch: '[{"op":"add","path":"/spec/suspend","value":true}]' }
      const resources = ['jobs/cronjob', 'jobs/policy']
      await world.apply({ resources, patches: [suspended] })
      const args = ['--allow-exec', `--as=${ACCOUNT}`, '--failures=1']
      const refused = await until('the account may list', async () => {
        const found = await group(...args)
        return found.reason.code === 'unchecked' ? found : undefined
      })
      expect(refused).toMatchObject({ code: 3, decision: 'blocked', error: { code: 'denied' } })
      expect(refused.error?.remedy).toContain('- {apiGroups: [""], resources: [pods/exec], verbs: [create, get]}')
      const { stdout } = await world.pass('check', ...args)
      expect(stdout).toMatch(/^exec +pods in namespace commands +not allowed/m)
      expect((await world.active(demo))?.name).toBe('helloworld-0')

      // The right alone, as by a mistake: the policy refuses what the component has not said.
      const mine = { resources, components: ['jobs/components/exec'] }
      const back = { target: { kind: 'ValidatingAdmissionPolicy', name: 'active-passive-operations' } }
      const patch =
        '[{"op":"replace","path":"/spec/validations/0/expression","value":"request.operation == \'UPDATE\'"}]'
      await world.apply({ ...mine, patches: [suspended, { ...back, patch }] })
      const held = await until('the policy refuses', async () => {
        const found = await group(...args)
        return found.error?.message.includes('may only update') ? found : undefined
      })
      expect(held).toMatchObject({ code: 3, decision: 'blocked', error: { code: 'denied' } })

      await world.apply({ ...mine, patches: [suspended] })
      const moved = await until('the account may run commands', async () => {
        const found = await group(...args)
        return found.error ? undefined : found
      })
      expect(moved.decision).toBe('failover')
      expect(moved).toMatchObject({ code: 0, active: { after: 'helloworld-1' }, reason: { code: 'active-failed' } })
      expect(moved.pods.map(({ check }) => check.result)).toEqual(['exit code 3', 'exit code 0'])
      expect((await world.pass('check', ...args)).stdout).toMatch(/^exec +pods in namespace commands +allowed/m)
      // And no more than that: no input, and no terminal.
      const tried = (query: string) =>
        world.kubectl(
          ...['get', `--as=${ACCOUNT}`, '--raw'],
          `/api/v1/namespaces/commands/pods/helloworld-1/exec?command=node&stdout=true${query}`,
        )
      await expect(tried('&stdin=true')).rejects.toThrow('may only update')
      await expect(tried('&tty=true')).rejects.toThrow('may only update')
      await expect(tried('')).rejects.toThrow(/upgrade/i)
    })

    it('away from a pod whose command hangs, and not to one that has no such command', async () => {
      await annotate(command('if (require("os").hostname() === "helloworld-1") setTimeout(() => {}, 5000)'))
      const moved = await group('--allow-exec', '--failures=1')
      expect(moved).toMatchObject({ code: 0, decision: 'failover', active: { after: 'helloworld-0' } })
      await annotate('exec: pg_isready -q')
      const kept = await group('--allow-exec', '--failures=1')
      expect(kept).toMatchObject({ code: 1, decision: 'blocked', reason: { code: 'no-candidate' } })
      expect(kept.pods[0]?.check.result).toBe('command not found in the container')
    })
  })
}
