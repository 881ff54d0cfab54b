/** Goal: a recorded run is shown as it was: every step, attempt, time and failure; and what is no trace is refused. */
import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { currentMachines } from '../../../src/visualizer/graph.ts'
import { toReplay } from '../../../src/visualizer/replay.ts'
import { parseTrace, TraceError } from '../../../src/visualizer/trace.ts'

const { machines } = currentMachines()
const textOf = (name: string) => readFileSync(new URL(`../../page/traces/${name}.jsonl`, import.meta.url), 'utf8')
const replayOf = (name: string) => toReplay(parseTrace(textOf(name)), machines)
const line = (value: object) => `${JSON.stringify(value)}\n`
const entered = (state: string, from: string, event: string, atMs = 0) =>
  line({ type: 'entered', state, from, event, atMs })

describe('a recorded run', () => {
  test.each(['success', 'build-failure', 'retry', 'cancel'])(
    '(%s) takes only transitions that the machine has',
    (name) => {
      const { steps, machine } = replayOf(name)
      expect(machine).toBe('container-step')
      expect(steps.length).toBeGreaterThan(3)
      expect(steps.slice(1).filter(({ transition }) => transition === undefined)).toEqual([])
      expect(steps[0]).toMatchObject({ atMs: 0, event: 'start', label: 'Resolve', attempt: 1 })
    }
  )

  test('that succeeded has every stage once', () => {
    const { stages, end } = replayOf('success')
    const labels = ['Resolve', 'Build', 'Push', 'Pull', 'Run', 'Collect', 'Clean up']
    expect(stages.map(({ label, attempts, failed }) => [label, attempts, failed])).toEqual(
      labels.map((label) => [label, 1, undefined])
    )
    expect(end).toMatchObject({ outcome: 'succeeded', exitCode: 0 })
  })

  test('whose build failed names the stage and the code', () => {
    const { stages, end } = replayOf('build-failure')
    expect(stages.map(({ label, failed }) => [label, failed])).toEqual([
      ['Resolve', undefined],
      ['Build', 'dockerfile-failed'],
      ['Clean up', undefined]
    ])
    expect(end).toMatchObject({ outcome: 'failed', failure: { code: 'dockerfile-failed' } })
  })

  test('that was tried again counts attempts and shows each failure and each wait', () => {
    const { steps, stages } = replayOf('retry')
    const push = steps.filter(({ label }) => label === 'Push')
    expect(push.map(({ attempt, isBackOff, failure }) => [attempt, isBackOff, failure?.code])).toEqual([
      [1, false, undefined],
      [1, true, 'registry-unreachable'],
      [2, false, undefined],
      [2, true, 'registry-unreachable'],
      [3, false, undefined]
    ])
    const time = stages.find(({ label }) => label === 'Push')
    expect(time).toMatchObject({ attempts: 3 })
    expect(time).not.toHaveProperty('failed')
    expect(time?.tookMs).toBeGreaterThan(1_000)
  })

  test('that was cancelled says in which state', () => {
    const { steps, end } = replayOf('cancel')
    const at = steps.findIndex(({ event }) => event === 'CANCEL')
    expect(steps[at - 1]?.label).toBe('Run')
    expect(end).toMatchObject({ outcome: 'cancelled', exitCode: 130 })
  })

  test('of another machine is found by its states', () => {
    const trace = parseTrace(
      entered('executing.attempting', '', 'xstate.init') +
        entered('succeeded', 'executing.attempting', 'xstate.done.actor.executing', 5)
    )
    expect(toReplay(trace, machines)).toMatchObject({ machine: 'script-step', durationMs: 5 })
  })

  test('has nothing of a file that no trace has', () => {
    const deep = `${'['.repeat(50_000)}${']'.repeat(50_000)}`
    const more = (text: string) => text.replace('}', `,"more":${deep}}`)
    const failed = { type: 'attemptFailed', atMs: 1, stage: 's', attempt: 1, code: 'c', message: 'm', retrying: true }
    const replay = toReplay(
      parseTrace(
        more(entered('resolving.attempting', '', 'xstate.init')) +
          more(line(failed)) +
          more(entered('failed', 'resolving.attempting', 'x')) +
          more(line({ type: 'ended', outcome: 'failed', exitCode: 1, failure: { code: 'c', message: 'm' } }))
      ),
      machines
    )
    expect(JSON.stringify(replay)).not.toContain('more')
    expect(replay.steps[1]?.failure).toEqual({ stage: 's', attempt: 1, code: 'c', message: 'm', retrying: true })
  })

  test('without an end was killed', () => {
    const text = textOf('success').split('\n').slice(0, 3).join('\n')
    expect(toReplay(parseTrace(`${text}\n{"level":30,"ti`), machines)).not.toHaveProperty('end')
  })

  test('of states that no machine has is refused', () => {
    const trace = parseTrace(entered('dreaming', '', 'xstate.init'))
    expect(() => toReplay(trace, machines)).toThrow(TraceError)
  })
})

describe('a text that is no trace', () => {
  test.each([
    ['is no JSON', 'hello\n', 'line 1 is not JSON'],
    ['is cut in the middle', `${entered('a', '', 'b')}{"ty\n${entered('a', '', 'b')}`, 'line 2 is not JSON'],
    ['has another line in it', `${entered('a', '', 'b')}{"type":"other"}\n`, 'line 2 is not a line of a trace'],
    [
      'has a field of the wrong type',
      line({ type: 'entered', state: 1, from: '', event: '', atMs: 0 }),
      'line 1 is not'
    ],
    ...['constructor', '__proto__', 'toString', 'hasOwnProperty', 5, null, []].map((type): [string, string, string] => [
      `has the type ${JSON.stringify(type)}`,
      line({ type }),
      'line 1 is not'
    ]),
    ...[
      { imageSource: 'toString' },
      { image: {} },
      { failure: null },
      { failure: 'x' },
      { failure: { code: 'x', message: 'y', detail: 5 } },
      { removed: 5 },
      { remaining: [5] }
    ].map((field): [string, string, string] => [
      `ends with ${JSON.stringify(field)}`,
      `${entered('a', '', 'b')}${line({ type: 'ended', outcome: 'failed', exitCode: 1, ...field })}`,
      'line 2 is not'
    ]),
    ['has a time that is no number', entered('a', '', 'b').replace('"atMs":0', '"atMs":1e999'), 'line 1 is not'],
    ['is empty', '', 'no state is entered'],
    ['only ends', line({ type: 'ended', outcome: 'failed', exitCode: 1 }), 'no state is entered']
  ])('is refused when it %s', (_title, text, message) => {
    expect(() => parseTrace(text)).toThrow(TraceError)
    expect(() => parseTrace(text)).toThrow(message)
  })
})
