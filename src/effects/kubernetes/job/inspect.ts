/** Whether the job container is Alpine, which decides the node that the runner starts JavaScript actions with. */

import { Writable } from 'node:stream'
import { StepError } from '../../../errors.ts'
import { keepLast } from '../../capture.ts'
import { containerIn } from '../api/container.ts'
import { ExecRefused, exec, isWithoutShell } from '../api/exec.ts'
import type { Site } from '../context/site.ts'
import { JOB_CONTAINER } from '../names.ts'
import { noncePath } from '../specs/job-pod.ts'

/** More than any release file. */
const RELEASE_BYTES_MAX = 64 * 1024
/** What the script below exits with in a container of another pod. */
const WRONG_POD = 75
/** An answer without it was cut short: exec may lose output and say that all went well (kubernetes/kubernetes#124571). */
const LAST_WORD = 'slipway: that is all'
/** Not every image has a release file. */
const READ_RELEASE = `[ -e "$0" ] || exit ${WRONG_POD}; cat /etc/os-release /etc/*release* 2>/dev/null; echo; echo '${LAST_WORD}'`
const ALPINE = /^ID=(["']?)alpine\1\s*$/m

/** Between questions to a container that may be about to start. */
const ASK_AGAIN_MS = 100

/** A job pod, and what only its own containers know: the kubelet finds a container by its pod's name, also one being killed. */
export interface JobPodRef {
  readonly pod: string
  readonly nonce: string
}

/** Rejects with `cluster-unreachable` when it could not be found out. An image without a shell is not Alpine. */
export async function isAlpine(site: Site, ref: JobPodRef, signal: AbortSignal): Promise<boolean> {
  try {
    return await readRelease(site, ref, signal)
  } catch (error) {
    if (isWithoutShell(error)) return false
    if (!(error instanceof ExecRefused)) throw error
    const message = `the job container could not be asked for its distribution: ${error.message}`
    throw new StepError('cluster-unreachable', message, { cause: error })
  }
}

/**
 * Like isAlpine, for a job container that is about to start: asks until it answers, since the kubelet reports it up to a
 * second later. Never settles for an image without a shell; the caller's signal ends it.
 */
export async function isAlpineOnceUp(site: Site, ref: JobPodRef, signal: AbortSignal): Promise<boolean> {
  for (;;) {
    try {
      return await readRelease(site, ref, signal)
    } catch {
      // Whatever it is, those who watch the pod's status find it too.
      await site.clock.sleep(ASK_AGAIN_MS, signal)
    }
  }
}

async function readRelease(site: Site, { pod, nonce }: JobPodRef, signal: AbortSignal): Promise<boolean> {
  const release = keepLast(RELEASE_BYTES_MAX)
  const stdout = new Writable({
    write(chunk: Buffer, _encoding, done) {
      release.add(chunk)
      done()
    }
  })
  const command = ['sh', '-c', READ_RELEASE, noncePath(nonce)]
  const { exitCode } = await exec({ ...containerIn(site.cluster, pod, JOB_CONTAINER), command, stdout }, signal)
  if (exitCode === WRONG_POD) throw new ExecRefused('a container of an earlier pod of this name answered')
  const text = release.text()
  if (!text.endsWith(`${LAST_WORD}\n`)) throw new ExecRefused('its answer was cut short')
  return ALPINE.test(text)
}
