/** Goal: each builder has its own image and what it needs, alone or beside another one. */
import { expect, it } from 'vitest'
import { BUILDERS } from '../../../../src/effects/builders/catalog.ts'
import { type BuilderChoice, chooseBuilders, identityOf } from '../../../../src/effects/builders/choose.ts'

const { kaniko, buildkit } = BUILDERS
const IN_POD = 'buildkit-in-pod'
const seccompProfile = 'slipway/buildkit.json'
const builderDaemon = { address: 'tcp://b:1' }
const images = (choice: BuilderChoice) =>
  chooseBuilders(choice).map(({ definition, image, pushImage }) => [definition.name, image, pushImage])

it.each<[string, BuilderChoice, string[][]]>([
  ['none is set', {}, [['kaniko', kaniko.defaultImage, kaniko.defaultImage]]],
  ['one for the first', { builderImage: 'k' }, [['kaniko', 'k', 'k']]],
  [
    'several builders',
    { builderDaemon, builderImage: 'k' },
    [
      ['kaniko', 'k', 'k'],
      ['buildkit', buildkit.defaultImage, 'k']
    ]
  ],
  [
    'one for each',
    { builder: 'auto', builderDaemon, builderImage: 'kaniko=r/k:1@sha256:0, buildkit=b' },
    [
      ['kaniko', 'r/k:1@sha256:0', 'r/k:1@sha256:0'],
      ['buildkit', 'b', 'r/k:1@sha256:0']
    ]
  ],
  [
    'one for the builder that was chosen',
    { builder: 'buildkit', builderDaemon, builderImage: 'b', pusherImage: 'p' },
    [['buildkit', 'b', 'p']]
  ],
  [
    'one for each, also for the one that only pushes',
    { builder: IN_POD, seccompProfile, builderImage: `kaniko=k,${IN_POD}=b` },
    [[IN_POD, 'b', 'k']]
  ],
  [
    'one for the builder in the pod',
    { seccompProfile, builderImage: `kaniko=k,${IN_POD}=b` },
    [
      ['kaniko', 'k', 'k'],
      [IN_POD, 'b', 'k']
    ]
  ]
])('images: %s', (_what, choice, expected) => {
  expect(images(choice)).toEqual(expected)
})

it('gives each builder what it needs, and builds with none that lacks it', () => {
  const mirrors = [{ registry: 'docker.io', mirror: 'm' }]
  const given = (choice: BuilderChoice) =>
    chooseBuilders({ ...choice, mirrors }).map((chosen) => [
      chosen.definition.name,
      chosen.daemon,
      chosen.seccompProfile,
      chosen.mirrors
    ])
  expect(given({})).toEqual([['kaniko', undefined, undefined, mirrors]])
  expect(given({ seccompProfile })).toEqual([
    ['kaniko', undefined, undefined, mirrors],
    [IN_POD, undefined, seccompProfile, mirrors]
  ])
  expect(given({ builderDaemon }).at(-1)).toEqual(['buildkit', builderDaemon, undefined, undefined])
  expect(given({ builder: IN_POD, seccompProfile })).toHaveLength(1)
})

it('names the daemon of the builder that has one', () => {
  const [one, other] = chooseBuilders({ builderDaemon })
  expect([one, other].map((builder) => builder?.daemon)).toEqual([undefined, builderDaemon])
  expect(one && identityOf(one)).not.toContain('tcp://')
  expect(other && identityOf(other)).toContain('tcp://b:1')
})
