/** Goal: checks run in order and once, a failed prerequisite or an interruption skips what follows, and nothing is lost. */
import { describe, expect, test } from 'vitest'
import {
  type Check,
  fail,
  INTERRUPTED,
  pass,
  type Result,
  runChecks,
  skipped,
  warn
} from '../../../../src/cli/doctor/check.ts'
import { examineHere } from '../../../../src/cli/doctor/here.ts'
import { StepError } from '../../../../src/errors.ts'

const never = new AbortController().signal

async function run(checks: readonly Check[], signal = never) {
  const told: string[] = []
  const results = await runChecks(checks, signal, {
    begins: (name) => told.push(`begins ${name}`),
    ends: ({ name, status }: Result) => told.push(`${status} ${name}`)
  })
  return { results, told }
}

const check = (name: string, needs: readonly string[], found: () => ReturnType<typeof pass>): Check => ({
  name,
  needs,
  run: async () => found()
})

describe('checks', () => {
  test('run in their order, and are told of as they happen', async () => {
    const { told } = await run([check('one', [], () => pass('')), check('two', ['one'], () => warn('', ''))])
    expect(told).toEqual(['begins one', 'pass one', 'begins two', 'warn two'])
  })

  test('are skipped, with the reason, when one that they need failed or was skipped', async () => {
    let ran = 0
    const counted = () => {
      ran += 1
      return pass('')
    }
    const { results } = await run([
      check('one', [], () => fail('broken', 'mend it')),
      check('two', ['one'], counted),
      check('three', ['two'], counted),
      check('four', [], counted)
    ])
    expect(results.map(({ status }) => status)).toEqual(['fail', 'skipped', 'skipped', 'pass'])
    expect(results[1]?.why).toBe('not checked: it needs one')
    expect(ran).toBe(1)
  })

  test('go on after a warning', async () => {
    const { results } = await run([check('one', [], () => warn('odd')), check('two', ['one'], () => pass('fine'))])
    expect(results[1]?.status).toBe('pass')
  })

  test('fail when they cannot find out, with the words of the failure', async () => {
    const { results } = await run([
      check('one', [], () => {
        throw new StepError('cluster-unreachable', 'no answer', { detail: 'GET /version' })
      })
    ])
    expect(results[0]).toMatchObject({ status: 'fail', why: 'no answer\nGET /version' })
  })

  test('are skipped by an interruption, except the one that tells what it left', async () => {
    const stopping = new AbortController()
    const { results } = await run(
      [
        check('one', [], () => {
          stopping.abort()
          throw new StepError('cancelled', 'cancelled')
        }),
        check('two', [], () => pass('')),
        { ...check('three', [], () => skipped('nothing was created')), isLast: true }
      ],
      stopping.signal
    )
    expect(results.map(({ why }) => why)).toEqual([INTERRUPTED, INTERRUPTED, 'nothing was created'])
  })
})

describe('the checks that doctor makes', () => {
  const watch = { onStage: () => {}, onCancel: () => () => {} }
  const registry = { HOST: 'registry', PORT: '5000', NODE_PORT: '30500' }
  const variables = Object.entries(registry).map(([name, value]) => [
    `ACTIONS_RUNNER_CONTAINER_HOOKS_REGISTRY_${name}`,
    value
  ])
  const environments = {
    'without a registry': { ACTIONS_RUNNER_POD_NAME: 'runner' },
    'with a registry': { ACTIONS_RUNNER_POD_NAME: 'runner', ...Object.fromEntries(variables) },
    'with settings that cannot be read': {}
  }

  test.each(Object.entries(environments))('have names of their own and need only earlier ones, %s', (_when, given) => {
    const { checks } = examineHere(given, '/work', watch)
    const names = checks.map(({ name }) => name)
    expect(new Set(names).size).toBe(names.length)
    for (const [index, { needs }] of checks.entries()) {
      expect(needs.filter((need) => !names.slice(0, index).includes(need))).toEqual([])
    }
  })
})
