/**
 * This bundle beside another one, an older one mostly, command by command and in turn: what a change costs.
 *
 *   SLIPWAY_OTHER_BUNDLE=/path/to/index.js npm run bench -- bundle
 */
import { randomBytes } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { beforeAll, describe, expect, it } from 'vitest'
import { useRunnerPod } from '../cluster/support/harness.ts'
import { type HookOptions, runCleanupJob, runContainerStep } from '../cluster/support/hook.ts'
import { canBuild, IMAGES } from '../cluster/support/images.ts'
import { prepareJob } from '../cluster/support/job.ts'
import type { Finished } from '../cluster/support/process.ts'
import { HOME, NODE, STORAGE_MODES, WORK, WORKSPACE } from '../cluster/support/runner-pod.ts'
import { runScript } from '../cluster/support/script.ts'
import { measureExec } from './support/floor.ts'
import { median, takeTurns } from './support/turns.ts'

const OTHER = process.env.SLIPWAY_OTHER_BUNDLE
const ROUNDS = Number(process.env.SLIPWAY_ROUNDS ?? 5)
const RATIO_MAX = 1.1
const FILES = 500
const FILE_BYTES = 40_000

/** Directories of a hundred files that nothing can compress. */
const FILL = `
const { mkdirSync, writeFileSync } = require('node:fs')
const { randomBytes } = require('node:crypto')
for (let number = 0; number < ${FILES}; number += 1) {
  const directory = '${WORKSPACE}/many/' + Math.floor(number / 100)
  mkdirSync(directory, { recursive: true })
  writeFileSync(directory + '/' + number, randomBytes(${FILE_BYTES}))
}`
/** Changes every file, so that all of them come back. */
const TOUCH = 'find many -type f -exec touch {} +'

if (OTHER === undefined)
  process.stderr.write('\n!!! SKIPPED: SLIPWAY_OTHER_BUNDLE names no bundle to compare with.\n\n')

describe.skipIf(OTHER === undefined).each(STORAGE_MODES)('this bundle and another one, %s', (mode) => {
  const runner = useRunnerPod(mode)
  const otherHook = `${HOME}/other/index.js`
  let execMs = 0

  beforeAll(async () => {
    await runner().write(`${HOME}/other`, { 'index.js': await readFile(OTHER ?? '', 'utf8') })
    execMs = await measureExec(runner())
    const { exitCode, stderr } = await runner().exec([NODE, '-e', FILL])
    expect(exitCode, stderr).toBe(0)
  })

  const msOf = ({ exitCode, durationMs, lines }: Finished): number => {
    expect(exitCode, lines.map(({ text }) => text).join('\n')).toBe(0)
    return durationMs - execMs
  }

  async function job(options: HookOptions): Promise<Readonly<Record<string, number>>> {
    const action = { image: IMAGES.debian, entryPoint: '/bin/sh', args: ['-ec', TOUCH] }
    const withoutJob = msOf(await runContainerStep(runner(), action, options))
    const prepared = await prepareJob(runner(), { container: { image: IMAGES.debian } }, options)
    const prepare = msOf(prepared)
    const script = msOf(await runScript(runner(), { run: 'true' }, options))
    const step = msOf(await runContainerStep(runner(), action, options))
    const cleanup = msOf(await runCleanupJob(runner(), options))
    return {
      'container step': withoutJob,
      prepare_job: prepare,
      'script step': script,
      'container step in a job': step,
      cleanup_job: cleanup
    }
  }

  async function build(options: HookOptions): Promise<Readonly<Record<string, number>>> {
    const directory = `${WORK}/_actions/o/r/${randomBytes(4).toString('hex')}`
    await runner().write(directory, { Dockerfile: `FROM ${IMAGES.busyboxBase}\nRUN echo built\nENTRYPOINT ["true"]\n` })
    return {
      'Dockerfile step': msOf(await runContainerStep(runner(), { dockerfile: `${directory}/Dockerfile` }, options))
    }
  }

  it(`${FILES} files of ${FILE_BYTES / 1_000} kB, and a Dockerfile`, async () => {
    const isBuilding = await canBuild()
    const all = async (options: HookOptions) => ({ ...(await job(options)), ...(isBuilding && (await build(options))) })
    const { ours, other } = await takeTurns(ROUNDS, { ours: () => all({}), other: () => all({ hook: otherHook }) })
    for (const command of Object.keys(ours[0] ?? {})) {
      const [mine, theirs] = [ours, other].map((runs) => runs.map((run) => run[command] ?? Number.NaN)) as [
        number[],
        number[]
      ]
      const ratio = median(mine.map((ms, round) => ms / (theirs[round] ?? Number.NaN)))
      const rounds = mine.map((ms, round) => `${Math.round(ms)}/${Math.round(theirs[round] ?? Number.NaN)}`).join(' ')
      process.stdout.write(
        `\nbench: ${command}, ${mode}, to the other bundle: median ratio ${ratio.toFixed(2)} (${rounds})\n`
      )
      expect.soft(ratio, `${command}, ${mode}`).toBeLessThanOrEqual(RATIO_MAX)
    }
  })
})
