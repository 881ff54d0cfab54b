/** Goal: a trace is accepted only if it is a path of its machine and keeps its promises; test/model/traces.test.ts changes true ones. */
import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { checkTrace } from '../../../src/visualizer/check.ts'
import { currentMachines } from '../../../src/visualizer/graph.ts'
import { PROMISES } from '../../../src/visualizer/promises.ts'

const { machines } = currentMachines()
const traces = new URL('../../page/traces/', import.meta.url)
const recorded = (name: string) => readFileSync(new URL(`${name}.jsonl`, traces), 'utf8')

const check = (text: string) => checkTrace(text, machines)
const offencesOf = (text: string) => check(text).offences.map(({ line, says }) => `${line}: ${says}`)
const textOf = (...lines: readonly object[]) => lines.map((line) => `${JSON.stringify(line)}\n`).join('')

const started = (command: string, format = 'slipway-trace-3') => ({
  type: 'started',
  command,
  runnerPod: 'runner-abc',
  format
})
const ended = (outcome: string, exitCode: number, more: object = {}) => ({ type: 'ended', outcome, exitCode, ...more })

/** A walk through states, each with the event that led there; a millisecond each. */
const walk = (...moves: readonly (readonly [state: string, event: string])[]): readonly object[] =>
  moves.map(([state, event], at) => ({ type: 'entered', atMs: at, state, from: moves[at - 1]?.[0] ?? '', event }))
const done = (actor: string) => `xstate.done.actor.${actor}`

const BEGIN = ['resolving.attempting', 'xstate.init'] as const
const PLACING = ['placing.attempting', done('resolving')] as const
const STARTING = ['starting.attempting', done('placing')] as const
const INSPECTING = ['inspecting.attempting', done('starting')] as const

test('every machine has promises that its traces are held to', () => {
  expect(Object.keys(PROMISES).toSorted()).toEqual(machines.map(({ id }) => id).toSorted())
})

describe('a true trace', () => {
  test.each(readdirSync(traces).filter((name) => name.endsWith('.jsonl')))(
    '%s, of this version or an older one, is accepted',
    (name) => {
      expect(check(recorded(name.replace('.jsonl', '')))).toMatchObject({
        machine: 'container-step',
        isComplete: true,
        offences: []
      })
    }
  )

  test('of a hook that was killed is accepted as far as it goes', () => {
    const text = recorded('success').split('\n').slice(0, 3).join('\n')
    expect(check(`${text}\n{"level":30,"ti`)).toMatchObject({ isComplete: false, offences: [] })
  })

  test('may be silent about a CANCEL that only hurries cleanup, before format 3', () => {
    const failed = {
      type: 'attemptFailed',
      atMs: 2,
      stage: 'cleaningUp',
      attempt: 1,
      code: 'cleanup-failed',
      message: ''
    }
    const waits = { type: 'entered', atMs: 2, state: 'cleaningUp.backingOff', from: 'cleaningUp.attempting' }
    const again = { type: 'entered', atMs: 3, state: 'cleaningUp.attempting', from: 'cleaningUp.backingOff' }
    const turn = [
      { ...failed, retrying: true },
      { ...waits, event: 'xstate.error.actor.cleaningUp' },
      { ...again, event: done('cleaningUp.backOff') }
    ]
    const tried = turn.map((line, at) => ({ ...line, atMs: 4 + at, ...(at === 0 && { attempt: 1 }) }))
    const text = textOf(
      started('prepare_job', 'slipway-trace-2'),
      ...walk(BEGIN, ['cleaningUp.attempting', 'CANCEL']),
      ...turn,
      ...tried
    )
    expect(offencesOf(text)).toEqual([])
    expect(
      offencesOf(text.replaceAll('"state"', '"at":{"stage":"cleaningUp","phase":"x","attempt":1},"state"'))
    ).not.toEqual([])
  })

  test.each([
    ['cleanup_job', ended('failed', 1, { failure: { code: 'cleanup-failed', message: 'no' } })],
    ['run_script_step', ended('failed', 1, { failure: { code: 'invalid-input', message: 'no' } })],
    ['prepare_job', ended('cancelled', 130, { failure: { code: 'cancelled', message: 'no' } })]
  ])('of %s without a state is accepted: %j', (command, end) => {
    expect(check(textOf(started(command), end))).toEqual({ command, isComplete: true, offences: [] })
  })
})

test('cleanup_job had no machine until format 3', () => {
  const end = ended('succeeded', 0, { removed: ['pod x'] })
  expect(offencesOf(textOf(started('cleanup_job', 'slipway-trace-2'), end))).toEqual([])
  expect(offencesOf(textOf(started('cleanup_job'), end))).toEqual(['2: succeeded, and no state was entered'])
})

describe('a trace is refused', () => {
  test.each([
    [
      'that ends without cleaning up',
      [...walk(BEGIN, PLACING, STARTING, INSPECTING, ['failed', done('inspecting')]), ended('failed', 1)],
      '6: failed is entered from inspecting.attempting without cleaning up'
    ],
    [
      'that leaves a stage out',
      [...walk(BEGIN, PLACING, ['inspecting.attempting', done('placing')]), ended('stuck', 1)],
      '4: inspecting without starting'
    ],
    [
      'whose walk is broken',
      [...walk(BEGIN, PLACING), ...walk(BEGIN, PLACING, STARTING).slice(2)].toSpliced(1, 1),
      '3: comes from placing.attempting where the run was in resolving.attempting'
    ],
    [
      'of a machine of another version',
      walk(BEGIN, ['dreaming.attempting', done('resolving')], ['placing.attempting', done('dreaming')]),
      '3: job-start has no state dreaming.attempting in this version'
    ],
    [
      'that begins in the middle',
      walk(PLACING),
      '2: the run begins in placing.attempting by xstate.done.actor.resolving, and not in resolving.attempting'
    ],
    [
      'with an outcome of its own',
      [...walk(BEGIN, PLACING, STARTING, INSPECTING, ['succeeded', done('inspecting')]), ended('failed', 1)],
      '7: outcome failed of a run that is in succeeded'
    ],
    [
      'with an exit code of its own',
      [...walk(BEGIN, PLACING, STARTING, INSPECTING, ['succeeded', done('inspecting')]), ended('succeeded', 4)],
      '7: succeeded with exit code 4'
    ],
    [
      'that goes on after its end',
      [ended('failed', 1, { failure: { code: 'internal', message: '' } }), ...walk(BEGIN)],
      '3: something follows the end'
    ],
    ['that ran no machine and succeeded', [ended('succeeded', 0)], '2: succeeded, and no state was entered']
  ])('%s', (_title, lines, offence) => {
    expect(offencesOf(textOf(started('prepare_job'), ...lines))).toContain(offence)
  })

  test('with more attempts than there may be', () => {
    const [first = {}] = walk(BEGIN)
    const turns = Array.from({ length: 5 }, (_, at) => [
      {
        type: 'attemptFailed',
        atMs: at,
        stage: 'resolving',
        attempt: at + 1,
        code: 'cluster-unreachable',
        message: '',
        retrying: true
      },
      {
        type: 'entered',
        atMs: at,
        state: 'resolving.backingOff',
        from: 'resolving.attempting',
        event: 'xstate.error.actor.resolving'
      },
      {
        type: 'entered',
        atMs: at,
        state: 'resolving.attempting',
        from: 'resolving.backingOff',
        event: done('resolving.backOff')
      }
    ])
    const offences = offencesOf(textOf(started('prepare_job'), first, ...turns.flat()))
    expect(offences).toContain('15: cluster-unreachable in attempt 5 of resolving is tried again')
    expect(offences).toContain('17: attempt 6 of resolving, which has 5')
  })

  test.each([
    ['of a command that there is not', started('rest'), '1: there is no command rest'],
    [
      'of a format to come',
      started('prepare_job', 'slipway-trace-9'),
      '1: the format slipway-trace-9 is not known to this version'
    ]
  ])('%s', (_title, first, offence) => expect(offencesOf(textOf(first))).toContain(offence))

  test('that is no trace, with the line that is not', () => {
    expect(offencesOf(`${textOf(started('prepare_job'))}hello\n`)).toEqual([
      '2: line 2 is not JSON; a trace has one JSON object on every line'
    ])
  })
})
