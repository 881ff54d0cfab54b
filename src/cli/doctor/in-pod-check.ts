/** Whether BuildKit builds inside of a build pod, where the settings say that nodes have its seccomp profile: by building with a RUN, for doctor. */
import { BUILDERS, type BuilderName } from '../../effects/builders/catalog.ts'
import { SETTINGS } from '../../hooks/settings/settings.ts'
import { timeInWords } from '../../visualizer/words.ts'
import { ADMISSION } from './admission-checks.ts'
import { BUILDER } from './builder-check.ts'
import { type Check, explain, type Finding, fail, INTERRUPTED, pass, skipped } from './check.ts'
import { type Facts, placeOf } from './facts.ts'
import { permission } from './permission-checks.ts'
import { type ProbeEnd, runProbe } from './probe-action.ts'
import { stageFix } from './probe-fixes.ts'
import { PROBE_DIRECTORY } from './probe-program.ts'
import { DELETION, NO_REGISTRY } from './registry-checks.ts'
import { STORAGE } from './runner-pod-checks.ts'

const IN_POD = 'BuildKit in the pod'
const NAME: BuilderName = 'buildkit-in-pod'
const VARIABLE = SETTINGS.seccompProfile.variable

/** The program writes its file where WORKDIR has made a directory. */
const INSTRUCTIONS = [`WORKDIR ${PROBE_DIRECTORY}`, 'RUN ["/program"]']

export const inPodCheck = (facts: Facts, onCancel: (cancel: () => void) => () => void): Check => ({
  name: IN_POD,
  needs: [
    STORAGE,
    ADMISSION,
    permission('pods/exec'),
    permission('pods/log'),
    permission('secrets'),
    DELETION,
    BUILDER
  ],
  async run(signal) {
    const { seccompProfile } = facts.config()
    if (seccompProfile === undefined) return skipped(`${VARIABLE} is not set`)
    if (placeOf(facts) !== 'registry') return skipped(NO_REGISTRY)
    const variant = { builder: NAME, instructions: INSTRUCTIONS }
    return judge(await runProbe(facts, { onCancel, observer: () => {} }, signal, variant), seccompProfile)
  }
})

function judge({ output, leftImage }: ProbeEnd, profile: string): Finding {
  if (output.outcome === 'cancelled') return skipped(INTERRUPTED)
  const { failure } = output
  const left = [...output.remaining, ...(leftImage === undefined ? [] : [leftImage])]
  if (failure !== undefined) return fail(explain(failure), fixOf(failure, profile))
  if (left.length > 0) return fail(`it builds, but left ${left.join(', ')}`, 'remove it by hand')
  const { startedAtMs = 0, endedAtMs = startedAtMs } = output.stages.building ?? {}
  return pass(`an image with a RUN was built by one that a build pod started (${timeInWords(endedAtMs - startedAtMs)})`)
}

function fixOf({ code }: Parameters<typeof stageFix>[0], profile: string): string {
  if (code === 'builder-image-unavailable') {
    return `set ${SETTINGS.builderImage.variable} to kaniko=IMAGE,${NAME}=IMAGE, images that the nodes can pull (default: ${BUILDERS[NAME].defaultImage})`
  }
  if (code !== 'start-failed' && code !== 'not-configured') return stageFix({ code })
  return `put the profile ${profile} onto every node, into the kubelet's directory seccomp, and see that nodes have user namespaces (docs/buildkit.md, In the build pod):
kubectl apply -k deploy/buildkit-in-pod
kubectl rollout status -n slipway-seccomp daemonset/profile
or unset ${VARIABLE}`
}
