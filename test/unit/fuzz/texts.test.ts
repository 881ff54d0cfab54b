/** Goal: no template, trace or builder's log crashes what reads it, or keeps it busy. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { V1Pod } from '@kubernetes/client-node'
import fc from 'fast-check'
import { afterAll, expect, test } from 'vitest'
import { stringify } from 'yaml'
import { replay } from '../../../src/cli/replay.ts'
import { BUILDERS, type BuilderName } from '../../../src/effects/builders/catalog.ts'
import { applyTemplate } from '../../../src/effects/kubernetes/template/merge.ts'
import { parseTemplate } from '../../../src/effects/kubernetes/template/read.ts'
import { compareMachines } from '../../../src/visualizer/difference.ts'
import { differenceLines, differenceMarkdown } from '../../../src/visualizer/difference-text.ts'
import { currentMachines } from '../../../src/visualizer/graph.ts'
import { MachineSetError, parseMachineSet } from '../../../src/visualizer/machine-set.ts'
import { evilJson, evilText, FUZZ_TIMEOUT_MS, mutated, survives } from '../../support/fuzz.ts'
import { siteOf, stepPod } from '../effects/kubernetes/context-fixture.ts'

const directory = mkdtempSync(join(tmpdir(), 'slipway-fuzz-'))
afterAll(() => rmSync(directory, { recursive: true }))

const TEMPLATE_KEYS = [
  ...['metadata', 'labels', 'annotations', 'spec', 'containers', 'initContainers', 'volumes', 'name', 'env', 'ports'],
  ...[
    'volumeMounts',
    'affinity',
    'nodeAffinity',
    'requiredDuringSchedulingIgnoredDuringExecution',
    'nodeSelectorTerms'
  ],
  ...['matchFields', 'securityContext', 'imagePullSecrets', 'hostAliases', 'slipway', 'step', 'build', 'lifecycle'],
  ...['image', 'restartPolicy', 'serviceAccountName', '$job', '$files', '$build', 'runner-pod']
]
const spec = {
  containers: [{ name: '$job', env: [{ name: 'A', value: 'b' }], ports: [{}], volumeMounts: [{}], lifecycle: {} }],
  initContainers: [{ name: 'init', image: 'x' }],
  volumes: [{ name: 'v' }],
  imagePullSecrets: [{ name: 's' }],
  hostAliases: [{}],
  securityContext: {},
  affinity: {
    nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [{ matchFields: [{}] }] } }
  }
}
const template = {
  metadata: { labels: { a: 'b' }, annotations: { c: 'd' } },
  spec,
  slipway: { step: { spec }, build: { spec } }
}

async function merge(yaml: string): Promise<void> {
  const parsed = await parseTemplate(yaml, '/template.yaml')
  const request = { image: 'x', args: [], env: {}, mounts: [], workingDirectory: '/' }
  const pods: readonly V1Pod[] = (['copy', 'volume'] as const).map((mode) =>
    stepPod(siteOf(mode), { nonce: '0', image: 'x', isBuilt: true, request })
  )
  for (const pod of pods) {
    for (const kind of ['job', 'step', 'build'] as const) {
      const merged = applyTemplate(pod, parsed, kind)
      expect(JSON.stringify(merged)).toBeTypeOf('string')
      expect(merged.pod.metadata?.labels?.['runner-pod']).toBe('runner-abc')
    }
  }
}

test('a template', { timeout: FUZZ_TIMEOUT_MS }, async () => {
  const other = evilJson(...TEMPLATE_KEYS)
  await survives(
    mutated(template, other).map((document) => stringify(document)),
    merge
  )
  await survives(
    other.map((document) => JSON.stringify(document)),
    merge
  )
  await survives(evilText(...TEMPLATE_KEYS, ': ', '- ', '&a ', '*a', '<<: ', '!!set ', '? ', '|', '>', '%YAML'), merge)
})

const LINE_KEYS = [
  ...[
    'type',
    'atMs',
    'state',
    'from',
    'event',
    'stage',
    'attempt',
    'code',
    'message',
    'retrying',
    'outcome',
    'exitCode'
  ],
  ...[
    'failure',
    'detail',
    'remaining',
    'removed',
    'image',
    'imageSource',
    'entered',
    'started',
    'ended',
    'attemptFailed'
  ],
  ...['command', 'runnerPod', 'resolving.attempting', 'building.attempting', 'xstate.init']
]
const trace = [
  { type: 'started', command: 'run_container_step', runnerPod: 'r' },
  { type: 'entered', atMs: 1, state: 'resolving.attempting', from: '', event: 'xstate.init' },
  { type: 'attemptFailed', atMs: 2, stage: 'resolving', attempt: 1, code: 'x', message: 'm', retrying: true },
  { type: 'entered', atMs: 3, state: 'resolving.backingOff', from: 'resolving.attempting', event: 'x' },
  { type: 'entered', atMs: 4, state: 'failed', from: 'resolving.backingOff', event: 'x' },
  {
    type: 'ended',
    outcome: 'failed',
    exitCode: 1,
    image: 'i',
    imageSource: 'build',
    failure: { code: 'c', stage: 's', message: 'm', detail: 'd' },
    remaining: ['r'],
    removed: ['r']
  }
]

async function show(text: string): Promise<void> {
  const file = join(directory, 'trace.jsonl')
  writeFileSync(file, text)
  for (const args of [[file], [file, '--json']]) {
    let shown = ''
    const write = (data: unknown) => {
      shown += String(data)
    }
    const deps = { write, environment: {}, isRoot: false }
    await replay.run(args, {
      ...deps,
      workingDirectory: directory,
      temporaryDirectory: directory,
      onCancel: () => () => {}
    })
    expect(shown.replaceAll('\n', '')).not.toMatch(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u)
  }
}

test('a trace', { timeout: FUZZ_TIMEOUT_MS }, async () => {
  const number = fc.oneof(fc.double(), fc.integer(), fc.constantFrom(1e308, -1e308, 5e-324, -0))
  const other = fc.oneof(evilText(...LINE_KEYS), evilJson(...LINE_KEYS), number)
  const lines = mutated(trace, other).map((all) => (Array.isArray(all) ? all : [all]))
  await survives(
    lines.map((all) => all.map((line) => `${JSON.stringify(line)}\n`).join('')),
    show
  )
  await survives(evilText(...trace.map((line) => JSON.stringify(line)), '\n', '{', '}'), show)
})

test('a trace of many lines', { timeout: FUZZ_TIMEOUT_MS }, async () => {
  const [started, first, failed, second] = trace.map((line) => `${JSON.stringify(line)}\n`)
  await survives(
    fc.constant(`${started}${`${first}${failed}${second}`.repeat(10_000)}`),
    (text) => {
      return replay.run([fileOf(text)], {
        write: () => {},
        environment: {},
        isRoot: false,
        workingDirectory: directory,
        temporaryDirectory: directory,
        onCancel: () => () => {}
      })
    },
    0.01
  )
})

function fileOf(text: string): string {
  const file = join(directory, 'long.jsonl')
  writeFileSync(file, text)
  return file
}

test('the machines of another version', { timeout: FUZZ_TIMEOUT_MS }, async () => {
  const now = currentMachines()
  const [machine] = now.machines
  const old = {
    ...now,
    machines: [{ ...machine, states: machine?.states.slice(0, 2), transitions: machine?.transitions.slice(0, 2) }]
  }
  const other = evilJson('format', 'machines', 'states', 'transitions', 'id', 'label', 'budgetMs', 'guard')
  await survives(mutated(old, other), (document) => {
    try {
      const difference = compareMachines(parseMachineSet(JSON.stringify(document)), now)
      expect([...differenceLines(difference), differenceMarkdown(difference)].join('')).toBeTypeOf('string')
    } catch (thrown) {
      if (!(thrown instanceof MachineSetError)) throw thrown
    }
  })
})

const LOG_WORDS = [
  'error building image: ',
  'error: failed to solve: ',
  'Error: ',
  'Error: \n',
  '\nUsage:\n',
  'INFO[0001] RUN x\n',
  'WARN[0001] Retrying operation after 1s due to ',
  ' did not complete successfully: exit code: 1',
  'process ',
  '#1 ',
  ' 1 | >>> RUN\n',
  '\u001b[31m',
  '\r'
]

test.each(Object.keys(BUILDERS) as BuilderName[])("%s's log", { timeout: FUZZ_TIMEOUT_MS }, async (name) => {
  // No more than is kept of a log to explain a failure.
  const logs = evilText(...LOG_WORDS).map((log) => log.slice(-64 * 1024))
  await survives(logs, (log) => {
    const { classifyBuildFailure, classifyPushFailure, failedPushes } = BUILDERS[name]
    const tries = failedPushes(log)
    for (const { pauseMs } of tries) expect(pauseMs).toBeGreaterThanOrEqual(0)
    const failures = tries.map(({ failure }) => failure)
    for (const failure of [classifyBuildFailure(log), classifyPushFailure(log), ...failures]) {
      expect(failure.message).not.toContain('\n')
    }
  })
})
