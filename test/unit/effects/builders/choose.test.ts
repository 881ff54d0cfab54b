/** Goal: each builder has its own image and what it needs, alone or beside another one. */
import { expect, it } from 'vitest'
import { BUILDERS } from '../../../../src/effects/builders/catalog.ts'
import { type BuilderChoice, chooseBuilders, identityOf } from '../../../../src/effects/builders/choose.ts'

const { kaniko, buildkit } = BUILDERS
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
  ]
])('images: %s', (_what, choice, expected) => {
  expect(images(choice)).toEqual(expected)
})

it('names the daemon of the builder that has one', () => {
  const [one, other] = chooseBuilders({ builderDaemon })
  expect([one, other].map((builder) => builder?.daemon)).toEqual([undefined, builderDaemon])
  expect(one && identityOf(one)).not.toContain('tcp://')
  expect(other && identityOf(other)).toContain('tcp://b:1')
})
