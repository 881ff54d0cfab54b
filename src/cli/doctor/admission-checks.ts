/** Whether the cluster would take the pods of steps, builds and jobs as the template makes them: a create that is only tried (dry run). */
import type { V1Pod } from '@kubernetes/client-node'
import { chooseBuilder, chooseBuilders } from '../../effects/builders/choose.ts'
import { apiError, isAlreadyThere, serverMessage } from '../../effects/kubernetes/api/errors.ts'
import { buildPlaceOf, canBuildInPlace } from '../../effects/kubernetes/context/build-place.ts'
import type { Site } from '../../effects/kubernetes/context/site.ts'
import { chooseContextTransfer, chooseTransfer } from '../../effects/kubernetes/files/choose.ts'
import { contextFirst } from '../../effects/kubernetes/files/containers.ts'
import { buildPod } from '../../effects/kubernetes/specs/build-pod.ts'
import { inPlacePod } from '../../effects/kubernetes/specs/in-place-pod.ts'
import { planJob } from '../../effects/kubernetes/specs/job-plan.ts'
import { masked } from '../../effects/kubernetes/specs/nested-containers.ts'
import { stepPod } from '../../effects/kubernetes/specs/step-pod.ts'
import {
  type PodParts,
  userNamespaceOfBuilds,
  WITH_USER_NAMESPACE,
  WITHOUT_USER_NAMESPACE
} from '../../effects/kubernetes/specs/user-namespace.ts'
import { applyTemplate } from '../../effects/kubernetes/template/merge.ts'
import { pullRepository, pushReference, repositoryOf } from '../../effects/registry/reference.ts'
import { StepError } from '../../errors.ts'
import type { HookConfig } from '../../hooks/settings/config.ts'
import { BUDGETS } from '../../machines/stages.ts'
import type { StepRequest } from '../../machines/types.ts'
import { type Check, type Finding, fail, pass, warn } from './check.ts'
import { ask, type Facts } from './facts.ts'
import { permission } from './permission-checks.ts'
import { STORAGE } from './runner-pod-checks.ts'
import { TEMPLATE } from './settings-checks.ts'

export const MERGE = 'Template merge'
export const ADMISSION = 'Pods are admitted'
/** In the names of pods that nobody creates. */
const NONCE = '00000000'

interface Sample {
  readonly kind: string
  readonly pod: V1Pod
  readonly warnings: readonly string[]
}

export function admissionChecks(facts: Facts): readonly Check[] {
  let samples: readonly Sample[] = []
  return [
    {
      name: MERGE,
      needs: [TEMPLATE, STORAGE],
      async run(signal) {
        const site = await facts.site(signal)
        try {
          samples = samplesOf(site, facts.config())
        } catch (thrown) {
          if (!(thrown instanceof StepError)) throw thrown
          return fail(thrown.message, `correct the file at ${site.template?.path}`)
        }
        return judgeMerge(site, samples)
      }
    },
    {
      name: ADMISSION,
      needs: [MERGE, permission('pods')],
      run: async (signal) => await tryAll(facts, samples, signal)
    }
  ]
}

/** One pod of each kind that the hook makes, as this runner would get it. Throws `invalid-input` for a template that cannot be merged. */
function samplesOf(site: Site, config: HookConfig): readonly Sample[] {
  const { registry, paths } = config
  const image = site.runnerImage
  const request = { image, args: [], env: {}, mounts: [] }
  const transfer = chooseTransfer(site)
  const own = { nonce: NONCE, image, isBuilt: true, request: { ...request, workingDirectory: '/' } }
  const step = applyTemplate(stepPod(site, transfer.stepPod, own), site.template, 'step')
  const container = { image, args: [], env: {}, ports: [], volumes: [] }
  const jobRequest = { container, services: [], mounts: [] }
  const job = planJob(site, transfer.jobPod, jobRequest, { secret: () => '', nonce: 'doctor' })
  const samples = [
    { kind: 'step pod', ...step },
    { kind: 'job pod', pod: job.pod, warnings: job.warnings }
  ]
  const place = buildPlaceOf(config)
  const userNamespace = userNamespaceOfBuilds(site) === 'off' ? WITHOUT_USER_NAMESPACE : WITH_USER_NAMESPACE
  if (place === 'in-place') return [...samples, inPlaceSample(site, config, own.request, userNamespace)]
  if (registry === undefined) return samples
  const repository = repositoryOf(registry, site.handle)
  const plan = {
    contextDirectory: `${paths.runnerTemp}/context`,
    dockerfile: 'Dockerfile',
    contentHash: '',
    pushReference: pushReference(registry, repository, 'doctor'),
    pullRepository: pullRepository(registry, repository)
  }
  const { building, pushing } = BUDGETS
  const input = {
    plan,
    nonce: NONCE,
    attempt: 1,
    pushTriesMax: pushing.attemptsMax,
    deadlineMs: building.budgetMs + pushing.budgetMs
  }
  const files = chooseContextTransfer(site, plan).buildPod(plan)
  // An unmasked /proc is asked for first, and done without where it is refused.
  const build = masked(buildPod(site, files, chooseBuilder(config), input, userNamespace))
  return [...samples, { kind: 'build pod', ...applyTemplate(build, site.template, 'build') }]
}

/** The pod of a step whose Dockerfile is built where it runs. */
function inPlaceSample(site: Site, config: HookConfig, request: StepRequest, userNamespace: PodParts): Sample {
  const [builder] = chooseBuilders(config).filter(canBuildInPlace)
  if (builder?.definition.inPlace === undefined) throw new StepError('internal', 'nothing builds in place')
  const source = { contextDirectory: `${config.paths.runnerTemp}/context`, dockerfile: 'Dockerfile', contentHash: '' }
  const pod = inPlacePod(
    site,
    { step: chooseTransfer(site).stepPod, context: contextFirst(site) },
    { definition: builder.definition.inPlace, image: builder.inPlaceImage ?? '', mirrors: builder.mirrors },
    { source, nonce: NONCE, attempt: 1, request },
    { marker: 'doctor', userNamespace }
  )
  return { kind: 'pod that builds in place', ...applyTemplate(masked(pod), site.template, 'step') }
}

function judgeMerge({ template }: Site, samples: readonly Sample[]): Finding {
  if (template === undefined) return pass('there is no template to merge')
  const warnings = [...new Set(samples.flatMap((sample) => sample.warnings))]
  if (warnings.length > 0)
    return warn(warnings.join('\n'), `remove from ${template.path} what is ignored or overwritten`)
  return pass(`${template.path} fits the ${samples.map(({ kind }) => kind).join(', the ')}`)
}

async function tryAll(facts: Facts, samples: readonly Sample[], signal: AbortSignal): Promise<Finding> {
  const answers = await Promise.all(
    samples.map(async ({ kind, pod }) => ({ kind, pod, ...(await answerTo(facts, pod, signal)) }))
  )
  const failures = answers.flatMap(({ kind, refusal }) => (refusal === undefined ? [] : { kind, message: refusal }))
  const isLeftOut = ({ pod, made }: (typeof answers)[number]) =>
    made !== undefined && pod.spec?.hostUsers === false && made.spec?.hostUsers !== false
  if (failures.length === 0 && answers.some(isLeftOut)) return warn(NO_FIELD, NO_FIELD_FIX)
  if (failures.length === 0) return pass(samples.map(({ kind }) => kind).join(', '))
  const { namespace } = await facts.access()
  const [first] = failures
  return fail(
    failures.map(({ kind, message }) => `the cluster refuses the ${kind}: ${message}`).join('\n'),
    admissionFix(first?.message ?? '', namespace)
  )
}

const NO_FIELD =
  'the API server would take all pods, but knows no user namespaces: it leaves out hostUsers, and root of a build is root on the node'
const NO_FIELD_FIX = `upgrade the cluster to Kubernetes 1.33 or newer (docs/security.md, User namespaces); until then this warning is all, unless a setting asks for on`

/** `made`: what the API server would make of a pod. `refusal`: its words against it. Neither when there is one of that name. */
interface Answer {
  readonly made?: V1Pod
  readonly refusal?: string
}

async function answerTo(facts: Facts, pod: V1Pod, signal: AbortSignal): Promise<Answer> {
  const { access, namespace } = await facts.access()
  const path = `/api/v1/namespaces/${namespace}/pods`
  try {
    return { made: await ask<V1Pod>(access, { method: 'POST', path, query: { dryRun: 'All' }, body: pod }, signal) }
  } catch (thrown) {
    // A job that is under way has a pod of this name; admission came before that.
    if (isAlreadyThere(thrown)) return {}
    const error = apiError(thrown, { verb: 'create', resource: 'pods', name: pod.metadata?.name ?? '', namespace })
    if (signal.aborted || error.code !== 'cluster-rejected') throw error
    return { refusal: serverMessage(thrown) }
  }
}

/** What to do about a refusal, by the admission controller that it comes from. */
export function admissionFix(message: string, namespace: string): string {
  if (/violates PodSecurity/.test(message)) {
    return `builds need root in their container, which the Baseline level allows:
kubectl label namespace ${namespace} pod-security.kubernetes.io/enforce=baseline --overwrite`
  }
  if (/exceeded quota/.test(message)) {
    return `raise the quota, a step needs up to 3 pods at a time beside the runner pod:
kubectl get resourcequota -n ${namespace}
kubectl edit resourcequota NAME -n ${namespace}`
  }
  if (/failed quota|must specify|minimum .* usage|maximum .* usage/.test(message)) {
    return `give pods resources by the pod template (ACTIONS_RUNNER_CONTAINER_HOOK_TEMPLATE, docs/template.md), or by a LimitRange:
kubectl apply -f - <<'EOF'
apiVersion: v1
kind: LimitRange
metadata: { name: slipway, namespace: ${namespace} }
spec:
  limits:
    - type: Container
      defaultRequest: { cpu: 100m, memory: 128Mi }
      default: { cpu: "2", memory: 4Gi }
EOF`
  }
  return `ask who set up the admission rule that the message names to allow pods with the label runner-pod in ${namespace}, or change what it names by the pod template (docs/template.md)`
}
