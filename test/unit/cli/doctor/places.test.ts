/** Goal: doctor checks the way that a Dockerfile takes with these settings, names that way's own settings in what to do, and nothing else. */
import { describe, expect, test } from 'vitest'
import { askedOf, builderCheck } from '../../../../src/cli/doctor/builder-check.ts'
import { placeOf } from '../../../../src/cli/doctor/facts.ts'
import { probeChecks } from '../../../../src/cli/doctor/probe-checks.ts'
import { stageFix } from '../../../../src/cli/doctor/probe-fixes.ts'
import { registryChecks } from '../../../../src/cli/doctor/registry-checks.ts'
import { readConfig } from '../../../../src/hooks/settings/config.ts'
import { STAGES_OF } from '../../../support/stages-of.ts'

const PREFIX = 'ACTIONS_RUNNER_CONTAINER_HOOKS'
const NEEDED = {
  ACTIONS_RUNNER_POD_NAME: 'runner',
  RUNNER_WORKSPACE: '/_work/repo',
  RUNNER_TEMP: '/_work/_temp',
  GITHUB_WORKSPACE: '/_work/repo/repo'
}
const REGISTRY = { [`${PREFIX}_REGISTRY_HOST`]: 'registry.example.com' }
const mode = (buildMode: string) => ({ [`${PREFIX}_BUILD_MODE`]: buildMode })
const BUILDKIT = { [`${PREFIX}_BUILDER`]: 'buildkit', [`${PREFIX}_BUILDKIT_HOST`]: 'tcp://buildkit:1234' }
const factsOf = (settings: Readonly<Record<string, string>>) => ({
  config: () => readConfig({ ...NEEDED, ...settings })
})

describe('where Dockerfiles are built', () => {
  test.each<[string, Readonly<Record<string, string>>, string]>([
    ['nothing is set', {}, 'in-place'],
    ['a registry is set', REGISTRY, 'registry'],
    ['in place is asked for beside a registry', { ...REGISTRY, ...mode('in-place') }, 'in-place'],
    ['a registry is asked for, and none is set', mode('registry'), 'nowhere'],
    ['a builder that needs a registry is all there is', BUILDKIT, 'nowhere'],
    ['the settings cannot be read', { [`${PREFIX}_REGISTRY_PORT`]: '5000' }, 'registry']
  ])('when %s', (_when, settings, place) => expect(placeOf(factsOf(settings))).toBe(place))
})

/** What needs what, of the checks from the registry on. */
function tableOf(settings: Readonly<Record<string, string>>): readonly string[] {
  const facts = factsOf(settings) as Parameters<typeof builderCheck>[0]
  const watch = { onStage: () => {}, onCancel: () => () => {} }
  const own = [...registryChecks(facts), builderCheck(facts), ...probeChecks(facts, watch)]
  const names = own.map(({ name }) => name)
  return own.map(({ name, needs }) => `${name}: ${needs.filter((need) => names.includes(need)).join(', ')}`)
}

describe('the checks', () => {
  test('with a registry are those of build, push and pull', () =>
    expect(tableOf(REGISTRY)).toEqual([
      'Registry Secrets: ',
      'Registry: Registry Secrets',
      'Registry deletion: Registry',
      'Builder image: Registry',
      'Build: Builder image, Registry deletion',
      'Push: Build',
      'Pull: Push',
      'Run: Pull',
      'Files come back: Run',
      'Clean up: '
    ]))

  test.each([{}, { ...REGISTRY, ...mode('in-place') }])('in place need no registry, %j', (settings) =>
    expect(tableOf(settings)).toEqual([
      'Registry Secrets: ',
      'Registry: Registry Secrets',
      'Registry deletion: ',
      'Builder image: ',
      'Build: Builder image, Registry Secrets',
      'Push: ',
      'Pull: ',
      'Run: Build',
      'Files come back: Run',
      'Clean up: '
    ])
  )

  test('where nothing can be built are those of an image', () =>
    expect(tableOf(mode('registry')).slice(4, 8)).toEqual(['Build: ', 'Push: ', 'Pull: ', 'Run: Pull']))
})

describe('the image that is asked for its version', () => {
  const of = (settings: Readonly<Record<string, string>>, place: 'registry' | 'in-place') =>
    askedOf(factsOf(settings).config(), place)

  test('in place is the one with a shell, and the shell is asked', () => {
    expect(of({}, 'in-place')).toMatchObject({
      image: expect.stringMatching(/-debug$/),
      variable: `${PREFIX}_IN_PLACE_IMAGE`,
      shell: ['/busybox/sh', '-c', 'exec /kaniko/executor "$0"']
    })
    expect(of({ [`${PREFIX}_IN_PLACE_IMAGE`]: 'own:1' }, 'in-place').image).toBe('own:1')
  })

  test('with a registry is the one that pushes', () => {
    expect(of(REGISTRY, 'registry')).toMatchObject({ variable: `${PREFIX}_BUILDER_IMAGE` })
    expect(of({ ...REGISTRY, ...BUILDKIT }, 'registry')).toMatchObject({ variable: `${PREFIX}_PUSHER_IMAGE` })
    expect(of(REGISTRY, 'registry').shell).toBeUndefined()
  })
})

describe('what to do', () => {
  test.each(['builder-image-unavailable', 'start-failed', 'dockerfile-failed'] as const)(
    'about %s in place names the image of that way',
    (code) => {
      expect(stageFix({ code, stage: 'buildingInPlace' })).toContain(`${PREFIX}_IN_PLACE_IMAGE`)
      expect(stageFix({ code, stage: 'building' })).not.toContain('IN_PLACE_IMAGE')
    }
  )

  test('is there for every end of both stages', () => {
    const stages = STAGES_OF['container-step'] ?? {}
    for (const stage of ['buildingInPlace', 'handingOver'] as const) {
      for (const code of stages[stage]?.codes ?? []) expect(stageFix({ code, stage })).toMatch(/\S/)
    }
  })
})
