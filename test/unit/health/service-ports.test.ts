import { describe, expect, test } from 'vitest'
import { deadPorts, findPort, unreachable, unresolvedPorts } from '../../../handler/health/service-ports.js'
import type { ContainerPort } from '../../../handler/kube/port.js'
import { aPod, aService } from '../../support/builders.js'

const podWith = (...ports: readonly (readonly ContainerPort[])[]) =>
  aPod('web-0', { containers: ports.map((some, n) => ({ name: `c-${n}`, ports: some })) })

describe('a port by its name', () => {
  test('is the first of that name and protocol', () => {
    const pod = podWith(
      [{ number: 1 }, { name: 'dns', number: 53, protocol: 'UDP' }],
      [{ name: 'dns', number: 5353 }],
      [{ name: 'dns', number: 15053 }],
    )
    expect(findPort(pod, 'dns', 'TCP')).toBe(5353)
    expect(findPort(pod, 'dns', 'UDP')).toBe(53)
    expect(findPort(pod, 'dns', 'SCTP')).toBeUndefined()
    expect(findPort(pod, 'http', 'TCP')).toBeUndefined()
  })
})

describe('the ports that a pod cannot serve', () => {
  const service = aService('web', {
    ports: [
      { targetPort: 'http', protocol: 'TCP' },
      { targetPort: 'dns', protocol: 'UDP' },
      { targetPort: 9_090, protocol: 'TCP' },
    ],
  })

  test('are named with their protocol; one that is a number is any pod’s', () => {
    expect(unresolvedPorts(service, podWith([{ name: 'dns', number: 53 }]))).toEqual(['"http" (TCP)', '"dns" (UDP)'])
  })

  test('are none where each name is found', () => {
    const pod = podWith([{ name: 'http', number: 80 }], [{ name: 'dns', number: 53, protocol: 'UDP' }])
    expect(unresolvedPorts(service, pod)).toEqual([])
  })

  test('are none of a Service without ports', () => {
    expect(unresolvedPorts(aService('web'), podWith())).toEqual([])
    expect(unresolvedPorts(aService('web', { ports: [] }), podWith())).toEqual([])
  })

  test('are found by one look at the pod, however many Services and ports there are', () => {
    let looks = 0
    const pod = aPod('web-0')
    const counting = Object.defineProperty({ ...pod }, 'containers', {
      get: () => {
        looks++
        return pod.containers
      },
    })
    const services = Array.from({ length: 50 }, (_, n) => aService(`web-${n}`, service))
    expect([deadPorts(services, counting).length, unreachable(services, counting).length]).toEqual([50, 0])
    expect(looks).toBe(2)
  })
})
