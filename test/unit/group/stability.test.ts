import { describe, expect, test } from 'vitest'
import { isStable, revisionsToGoTo } from '../../../handler/group/stability.js'
import { aMember, anActive, MINUTE, NOW, SECOND, terminating } from '../../support/builders.js'
import { permutations } from '../../support/permutations.js'

describe('a pod is stable', () => {
  const stable = 10 * SECOND

  test.each<[string, Parameters<typeof aMember>[1], boolean]>([
    ['when it has been Ready for as long', { pod: { readySinceMs: NOW - stable } }, true],
    ['not when it has been Ready for less', { pod: { readySinceMs: NOW - stable + 1 } }, false],
    ['not when it is Ready since a time to come', { pod: { readySinceMs: NOW + SECOND } }, false],
    ['not when it is not Ready', { pod: { ready: false } }, false],
    ['not when a container of it was started again since', { pod: { restartedAtMs: NOW - stable + 1 } }, false],
    ['when that was before', { pod: { restartedAtMs: NOW - stable } }, true],
    ['not when a failure of it is counted', { failures: 1 }, false],
    ['not when it recovered since', { healthySinceMs: NOW - stable + 1 }, false],
  ])('%s', (_, draft, expected) => {
    expect(isStable(aMember('web-0', draft), { stable }, NOW)).toBe(expected)
    expect(isStable(aMember('web-0', draft), { stable: 0 }, NOW), 'where nobody asks').toBe(true)
  })
})

describe('the revision that the role is to go to', () => {
  const ofSet = (revision: string, agoMinutes: number) => ({
    owner: { kind: 'StatefulSet', name: 'db', uid: 'uid-of-db' },
    labels: { 'controller-revision-hash': revision },
    createdAtMs: NOW - agoMinutes * MINUTE,
  })
  const ofDeployment = (revision: string, agoMinutes: number) => ({
    owner: { kind: 'ReplicaSet', name: `web-${revision}`, uid: `uid-of-web-${revision}` },
    labels: { 'pod-template-hash': revision },
    createdAtMs: NOW - agoMinutes * MINUTE,
  })
  const ending = ({ ...pod }: object) => ({ ...terminating, pod: { ...pod, terminating: true } })

  test.each<[string, string, Parameters<typeof revisionsToGoTo>[0], string]>([
    [
      'is that of the active pod, beside a canary',
      'Deployment/web',
      [anActive('web-a', { pod: ofDeployment('old', 60) }), aMember('web-b', { pod: ofDeployment('new', 1) })],
      'old',
    ],
    [
      'is the new one when the active pod is deleted and replaced by no other of its own',
      'Deployment/web',
      [
        anActive('web-a', ending(ofDeployment('old', 60))),
        aMember('web-b', { pod: ofDeployment('old', 60) }),
        aMember('web-c', { pod: ofDeployment('new', 1) }),
      ],
      'new',
    ],
    [
      'is that of the active pod when its controller replaces it by one of the same',
      'Deployment/web',
      [
        anActive('web-a', ending(ofDeployment('old', 60))),
        aMember('web-b', { pod: ofDeployment('new', 1) }),
        aMember('web-c', { pod: ofDeployment('old', 0) }),
      ],
      'old',
    ],
    [
      'is the new one when it is the turn of the active pod of a StatefulSet',
      'StatefulSet/db',
      [
        aMember('db-0', { pod: ofSet('old', 60) }),
        anActive('db-1', ending(ofSet('old', 60))),
        aMember('db-2', { pod: ofSet('new', 1) }),
      ],
      'new',
    ],
    [
      'is that of the active pod when it is not its turn: somebody else has deleted it',
      'StatefulSet/db',
      [
        anActive('db-0', ending(ofSet('old', 60))),
        aMember('db-1', { pod: ofSet('old', 60) }),
        aMember('db-2', { pod: ofSet('new', 1) }),
      ],
      'old',
    ],
    [
      'is the youngest where none is active',
      'StatefulSet/db',
      [aMember('db-0', { pod: ofSet('old', 60) }), aMember('db-1', { pod: ofSet('new', 1) })],
      'new',
    ],
    [
      'is the youngest in a workload that has not the active pod',
      'StatefulSet/db',
      [
        anActive('web-a', { pod: ofDeployment('x', 60) }),
        aMember('db-0', { pod: ofSet('old', 60) }),
        aMember('db-1', { pod: ofSet('new', 1) }),
      ],
      'new',
    ],
  ])('%s', (_, workload, members, expected) => {
    for (const shuffled of permutations(members)) expect(revisionsToGoTo(shuffled).get(workload)).toBe(expected)
  })
})
