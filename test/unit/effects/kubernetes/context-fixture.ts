/** A site without a cluster, for the tests of everything that is computed from one. */
import type { V1Pod } from '@kubernetes/client-node'
import type { ChosenBuilder } from '../../../../src/effects/builders/choose.ts'
import type { Cluster } from '../../../../src/effects/kubernetes/api/cluster.ts'
import type { Site } from '../../../../src/effects/kubernetes/context/site.ts'
import { detectStorage } from '../../../../src/effects/kubernetes/context/storage.ts'
import { chooseContextTransfer, chooseTransfer } from '../../../../src/effects/kubernetes/files/choose.ts'
import { contextFirst } from '../../../../src/effects/kubernetes/files/containers.ts'
import { buildPod as specOfBuild } from '../../../../src/effects/kubernetes/specs/build-pod.ts'
import { inPlacePod as specOfInPlace } from '../../../../src/effects/kubernetes/specs/in-place-pod.ts'
import { type JobPlan, type NewNames, planJob as planOfJob } from '../../../../src/effects/kubernetes/specs/job-plan.ts'
import { stepPod as specOfStep } from '../../../../src/effects/kubernetes/specs/step-pod.ts'
import { WITH_USER_NAMESPACE } from '../../../../src/effects/kubernetes/specs/user-namespace.ts'
import { createReporter } from '../../../../src/effects/log/reporter.ts'
import { systemClock } from '../../../../src/effects/system.ts'
import type { BuildInPlaceInput, BuildInput, ImageInput } from '../../../../src/machines/inputs.ts'
import type { JobRequest } from '../../../../src/machines/types.ts'

export const PATHS = {
  runnerWorkspace: '/home/runner/_work/repo',
  runnerTemp: '/home/runner/_work/_temp',
  githubWorkspace: '/home/runner/_work/repo/repo'
}

/** A runner pod as ARC makes it; in volume mode with its generic ephemeral volume. */
export const runnerPod = (mode: 'copy' | 'volume'): V1Pod => ({
  metadata: { name: 'runner-abc', namespace: 'arc', uid: '00000000-1111-2222-3333-444444444444' },
  spec: {
    nodeName: 'node-1',
    imagePullSecrets: [{ name: 'pull-the-runner' }],
    containers: [
      {
        name: 'runner',
        image: 'ghcr.io/actions/actions-runner:2.336.0',
        volumeMounts: [{ name: 'work', mountPath: '/home/runner/_work' }]
      }
    ],
    volumes: [
      mode === 'copy'
        ? { name: 'work', emptyDir: {} }
        : {
            name: 'work',
            ephemeral: { volumeClaimTemplate: { spec: { accessModes: ['ReadWriteOnce'] } } }
          }
    ]
  }
})

export function siteOf(mode: 'copy' | 'volume', parts: Partial<Site> = {}): Site {
  const pod = runnerPod(mode)
  const cluster = { namespace: 'arc' } as Cluster
  return {
    cluster,
    clock: systemClock,
    reporter: createReporter(() => {}),
    runnerPod: pod,
    storage: detectStorage(pod, { paths: PATHS }),
    workspacePath: 'repo/repo',
    runnerImage: 'ghcr.io/actions/actions-runner:2.336.0',
    imagePullSecrets: pod.spec?.imagePullSecrets ?? [],
    resolverFile: 'search arc.svc.cluster.local\nnameserver 10.96.0.10\noptions ndots:5\n',
    registry: { pushHost: 'registry.arc.svc:5000', pullHost: 'localhost:30500', plainHttp: true },
    handle: 'handle',
    architecture: 'amd64',
    origin: { repository: 'owner/repo', workflow: 'Build & test', run: '42', job: 'unit' },
    ...parts
  }
}

/** The product's pods, with the files that the site's storage gives them. */
export const stepPod = (site: Site, input: ImageInput): V1Pod => specOfStep(site, chooseTransfer(site).stepPod, input)
export const buildPod = (site: Site, builder: ChosenBuilder, input: BuildInput, parts = WITH_USER_NAMESPACE): V1Pod =>
  specOfBuild(site, chooseContextTransfer(site, input.plan).buildPod(input.plan), builder, input, parts)
export const inPlacePod = (
  site: Site,
  { definition: { inPlace }, inPlaceImage: image = '', mirrors }: ChosenBuilder,
  input: BuildInPlaceInput,
  annotations?: Readonly<Record<string, string>>
): V1Pod => {
  if (inPlace === undefined) throw new Error('this builder does not build in place')
  const files = { step: chooseTransfer(site).stepPod, context: contextFirst(site) }
  const parts = { marker: 'slipway: built 0123', userNamespace: WITH_USER_NAMESPACE, annotations }
  return specOfInPlace(site, files, { definition: inPlace, image, mirrors }, input, parts)
}
export const planJob = (site: Site, request: JobRequest, newNames: NewNames): JobPlan =>
  planOfJob(site, chooseTransfer(site).jobPod, request, newNames)
