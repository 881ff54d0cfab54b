/**
 * Whether nodes can pull the builder's image and whether it is the builder: its pod is asked for its version, and where Dockerfiles are
 * built in place by the image's own shell.
 */

import type { V1Pod } from '@kubernetes/client-node'
import { defaultBuilder } from '../../effects/builders/catalog.ts'
import { chooseBuilder, chooseBuilders } from '../../effects/builders/choose.ts'
import { PLACES } from '../../effects/in-place/scripts.ts'
import { containerIn } from '../../effects/kubernetes/api/container.ts'
import { logTail } from '../../effects/kubernetes/api/logs.ts'
import type { BuildPlace } from '../../effects/kubernetes/context/build-place.ts'
import type { Site } from '../../effects/kubernetes/context/site.ts'
import { objectName, ownedMetadata } from '../../effects/kubernetes/names.ts'
import { createJudge, type Ended, hasStarted } from '../../effects/kubernetes/pods/status.ts'
import { waitForPod } from '../../effects/kubernetes/pods/wait.ts'
import { HELPER_RESOURCES, hardened, podBase, templated } from '../../effects/kubernetes/specs/parts.ts'
import { timeoutSignal } from '../../effects/system.ts'
import { StepError } from '../../errors.ts'
import type { HookConfig } from '../../hooks/settings/config.ts'
import { SETTINGS as TABLE } from '../../hooks/settings/settings.ts'
import { ADMISSION } from './admission-checks.ts'
import { type Check, explain, type Finding, fail, pass, skipped, warn } from './check.ts'
import { type Facts, placeOf } from './facts.ts'
import { permission } from './permission-checks.ts'
import { stageFix } from './probe-fixes.ts'
import { NO_REGISTRY, REGISTRY } from './registry-checks.ts'

export const BUILDER = 'Builder image'

const CONTAINER = 'build'
const SUFFIX_LENGTH = 8
/** A cold node pulls a hundred megabytes from far away. */
const VERSION_MS_MAX = 5 * 60_000
const REMOVE_MS_MAX = 15_000
const LOG_LINES = 20
/** A busy kubelet may not answer at once. */
const LOG_READS_MAX = 5
const LOG_READ_MS = 300
/** Not the time that a cluster may take to make a node first: doctor says what the scheduler says. */
const SCHEDULING_MS_MAX = 60_000
/** A pod that no node sets up pulls nothing: that is told, and no wrong thing about the image. */
const SETTING_UP_MS_MAX = 2 * 60_000
const VERSION = /Kaniko version\s*:\s*(\S+)/i

export const builderCheck = (facts: Facts): Check => ({
  name: BUILDER,
  needs: [ADMISSION, permission('pods/log'), ...(placeOf(facts) === 'registry' ? [REGISTRY] : [])],
  async run(signal) {
    const place = placeOf(facts)
    if (place === 'nowhere') return skipped(NO_REGISTRY)
    return await checkBuilder(await facts.site(signal), facts, askedOf(facts.config(), place), signal)
  }
})

/** An image, and how it is asked. */
export interface Asked {
  readonly image: string
  /** What names it. */
  readonly variable: string
  readonly defaultImage: string
  /** Before `version`; undefined: the image's own entrypoint. */
  readonly shell?: readonly string[]
  /** What it is called where it is another one. */
  readonly called: string
}

/** Kaniko's image pushes, whatever builds. */
export function askedOf(config: HookConfig, place: Exclude<BuildPlace, 'nowhere'>): Asked {
  const { name, defaultImage, inPlace } = defaultBuilder
  if (place === 'in-place') {
    const image = chooseBuilders(config).find((one) => one.inPlaceImage !== undefined)?.inPlaceImage ?? ''
    const shell = [`${PLACES.busybox}/sh`, '-c', `exec ${PLACES.builder}/executor "$0"`]
    const called = `${name} with a shell`
    return { image, variable: TABLE.inPlaceImage.variable, defaultImage: inPlace?.defaultImage ?? '', shell, called }
  }
  const { definition, pushImage } = chooseBuilder(config)
  const setting = definition === defaultBuilder ? TABLE.builderImage : TABLE.pusherImage
  return { image: pushImage, variable: setting.variable, defaultImage, called: name }
}

async function checkBuilder(site: Site, facts: Facts, asked: Asked, signal: AbortSignal): Promise<Finding> {
  const { image, variable, defaultImage, called, shell } = asked
  const name = objectName(facts.config().runnerPod, 'build', facts.deps.randomHex(SUFFIX_LENGTH))
  let log = ''
  try {
    await site.cluster.createPod(
      templated(site, versionPod(site, name, asked), shell === undefined ? 'build' : 'step'),
      signal
    )
    const limited = AbortSignal.any([signal, timeoutSignal(VERSION_MS_MAX)])
    const pods = { ...site, schedulingMsMax: SCHEDULING_MS_MAX, settingUpMsMax: SETTING_UP_MS_MAX }
    const { failure } = await waitForPod(pods, name, endOrFailure(site), lost, limited).catch((thrown) => {
      throw limited.aborted && !signal.aborted ? tooSlow(image) : thrown
    })
    log = await logOf(site, name, signal)
    if (failure !== undefined) throw failure
  } catch (thrown) {
    if (signal.aborted || !(thrown instanceof StepError)) throw thrown
    if (thrown.code === 'start-failed') return isAnother(asked, explain(thrown))
    if (thrown.code === 'unschedulable' || thrown.code === 'unstartable') return fail(explain(thrown), stageFix(thrown))
    return fail(
      explain(thrown),
      `set ${variable} to an image of ${called} that the nodes can pull (default: ${defaultImage}); one that needs credentials needs an imagePullSecret in the runner pod`
    )
  } finally {
    await site.cluster.deletePod(name, timeoutSignal(REMOVE_MS_MAX))
  }
  const [, version] = VERSION.exec(log) ?? []
  if (version === undefined) return isAnother(asked, log.trim() || 'it wrote nothing')
  if (version === defaultBuilder.version) return pass(`${image} is ${called}, ${version}`)
  return warn(
    `${image} is ${called}, version ${version}; Slipway is tested with ${defaultBuilder.version}`,
    `unless this version is meant, set ${variable} to a copy of ${defaultImage}`
  )
}

const isAnother = ({ image, variable, defaultImage, called }: Asked, seen: string): Finding =>
  fail(
    `${image} is not ${called}, asked for its version it said:\n${seen}`,
    `set ${variable} to an image of ${called} (default: ${defaultImage})`
  )

const versionPod = (site: Site, name: string, { image, shell }: Asked): V1Pod => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: ownedMetadata(name, site.runnerPod),
  spec: {
    ...podBase(site),
    restartPolicy: 'Never',
    activeDeadlineSeconds: VERSION_MS_MAX / 1_000,
    containers: [
      {
        name: CONTAINER,
        image,
        imagePullPolicy: 'IfNotPresent',
        ...(shell && { command: [...shell] }),
        args: ['version'],
        resources: HELPER_RESOURCES,
        securityContext: hardened()
      }
    ]
  }
})

async function logOf({ cluster, clock }: Site, pod: string, signal: AbortSignal): Promise<string> {
  const source = containerIn(cluster, pod, CONTAINER)
  for (let reads = 1; ; reads += 1) {
    const log = await logTail(source, { lines: LOG_LINES, previous: false }, signal)
    if (log !== '' || reads === LOG_READS_MAX) return log
    await clock.sleep(LOG_READ_MS, signal)
  }
}

const tooSlow = (image: string) =>
  new StepError(
    'builder-image-unavailable',
    `no node pulled and started ${image} within ${VERSION_MS_MAX / 60_000} minutes`
  )

const lost = () => new StepError('builder-lost', "the pod that asks for the builder's version was deleted by somebody")

/** How the container ended; throws for what it will not get out of. */
function endOrFailure(site: Site): (pod: V1Pod) => Ended | undefined {
  const judge = createJudge(site.clock)
  return (pod) => {
    const verdict = judge(pod, CONTAINER)
    return hasStarted(verdict) && verdict.is === 'ended' ? verdict : undefined
  }
}
