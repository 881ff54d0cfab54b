/** A workspace of many files in copy mode: to the job pod, to a container action and back, to bare tar and the shipped hook. */
import { randomBytes } from 'node:crypto'
import { beforeAll, describe, expect, it } from 'vitest'
import { useRunnerPod } from '../cluster/support/harness.ts'
import { runCleanupJob, runContainerStep } from '../cluster/support/hook.ts'
import { IMAGES } from '../cluster/support/images.ts'
import { inJob, prepareJob } from '../cluster/support/job.ts'
import { apply, kubectl } from '../cluster/support/kubectl.ts'
import { type Finished, mustRun } from '../cluster/support/process.ts'
import { NODE, type RunnerPod, WORKSPACE } from '../cluster/support/runner-pod.ts'
import { expectRatio } from './support/comparison.ts'
import { barePod, measureExec } from './support/floor.ts'
import { PEER, peerBundle, sweepPeer, usePeerPod } from './support/peer.ts'
import { takeTurns } from './support/turns.ts'

const ROUNDS = 2
const FILES = 3_000
const FILE_BYTES = 40_000
const PEER_RATIO_MAX = { prepare_job: 1 / 1.25, 'container step': 1 / 4 } as const
type Order = keyof typeof PEER_RATIO_MAX

/** Thirty directories of a hundred files that nothing can compress. */
const FILL = `
const { mkdirSync, writeFileSync } = require('node:fs')
const { randomBytes } = require('node:crypto')
for (let number = 0; number < ${FILES}; number += 1) {
  const directory = '${WORKSPACE}/many/' + Math.floor(number / 100)
  mkdirSync(directory, { recursive: true })
  writeFileSync(directory + '/' + number, randomBytes(${FILE_BYTES}))
}`

/** Lists everything, then changes one file, makes one, and removes one. */
const ACTION = `
test "$(find many -type f | wc -l)" = ${FILES}
echo changed > many/0/0
echo new > many/0/new
rm many/0/1
`
const CHANGES = 'cat many/0/0 many/0/new; test ! -e many/0/1; find many -type f | wc -l'

/** Milliseconds of each order. */
type Job = Readonly<Record<Order, number>>

describe(`a workspace of ${FILES} files and ${(FILES * FILE_BYTES) / 1_000_000} MB, copy`, () => {
  const bundle = peerBundle('copy')
  const runner = useRunnerPod('copy')
  const peer = usePeerPod('copy', bundle)
  let execMs = 0

  beforeAll(async () => {
    execMs = await measureExec(runner())
    for (const pod of bundle === undefined ? [runner()] : [runner(), peer()]) {
      const { exitCode, stderr } = await pod.exec([NODE, '-e', FILL])
      expect(exitCode, stderr).toBe(0)
      await pod.write(WORKSPACE, { 'action.sh': ACTION })
    }
  })

  async function runJob(pod: RunnerPod, check: () => Promise<void>): Promise<Job> {
    const msOf = ({ exitCode, durationMs, lines }: Finished): number => {
      expect(exitCode, lines.map(({ text }) => text).join('\n')).toBe(0)
      return durationMs - execMs
    }
    const prepareMs = msOf(await prepareJob(pod, { container: { image: IMAGES.debian } }))
    const action = { image: IMAGES.debian, entryPoint: '/bin/sh', args: ['-e', '/github/workspace/action.sh'] }
    const stepMs = msOf(await runContainerStep(pod, action))
    await check()
    msOf(await runCleanupJob(pod))
    return { prepare_job: prepareMs, 'container step': stepMs }
  }

  async function expectChanges(): Promise<void> {
    const { exitCode, stdout } = await inJob(runner(), `cd /__w/repo/repo && ${CHANGES}`)
    expect(exitCode).toBe(0)
    expect(stdout.split('\n')).toEqual(['changed', 'new', String(FILES)])
  }

  async function runPeerJob(): Promise<Job> {
    // It brings nothing back.
    const job = await runJob(peer(), async () => {})
    await sweepPeer(peer())
    return job
  }

  /** The files from the runner pod to another one through two `kubectl exec`, the second of which unpacks. */
  async function tarThrough(): Promise<number> {
    const [namespace, name] = [runner().namespace, `tar-${randomBytes(4).toString('hex')}`]
    const pod = barePod({ image: IMAGES.runner, command: ['sleep', 'infinity'] })
    await apply({ ...pod, metadata: { name, namespace } })
    await kubectl(['wait', '-n', namespace, `pod/${name}`, '--for=condition=Ready', '--timeout=60s'])
    const pack = `kubectl exec -n ${namespace} ${runner().name} -- tar --create --file=- --directory=${WORKSPACE} many`
    const unpack = `kubectl exec -i -n ${namespace} ${name} -- tar --extract --file=- --directory=/tmp`
    const { durationMs } = await mustRun('bash', ['-o', 'pipefail', '-c', `${pack} | ${unpack}`])
    await kubectl(['delete', 'pod', '-n', namespace, name, '--grace-period=0', '--force'])
    return durationMs
  }

  it('moves as fast as it has to, with the changes brought back', async () => {
    const { ours, tars, theirs } = await takeTurns(ROUNDS, {
      ours: () => runJob(runner(), expectChanges),
      tars: tarThrough,
      ...(bundle !== undefined && { theirs: runPeerJob })
    })
    for (const [order, ratioMax] of Object.entries(PEER_RATIO_MAX) as [Order, number][]) {
      const what = `${order}, copy, ${FILES} files of ${FILE_BYTES / 1_000} kB`
      const mine = ours.map((job) => job[order])
      expectRatio({ what, than: 'bare tar from pod to pod', ours: mine, other: tars })
      if (theirs === undefined) continue
      expectRatio({ what, than: PEER, ratioMax, ours: mine, other: theirs.map((job) => job[order]) })
    }
  })
})
