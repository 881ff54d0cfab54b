/** What a simulated step finds on the runner's disk and in its environment, in storage mode volume. */
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { V1Pod } from '@kubernetes/client-node'
import type { KubernetesOptions } from '../../../src/effects/kubernetes/context/options.ts'
import type { StepRequest } from '../../../src/machines/types.ts'
import type { Scenario } from './story.ts'
import { JOB_POD, NAMESPACE, RUNNER_POD } from './world.ts'

/** In the step's environment; nobody may be told. */
export const SECRET = 'correct-horse-battery-staple'

export const optionsFor = (directory: string, host: string): KubernetesOptions => ({
  runnerPod: RUNNER_POD,
  namespace: NAMESPACE,
  registry: { pushHost: host, pullHost: 'localhost:30500', plainHttp: true },
  paths: {
    runnerWorkspace: join(directory, 'work', 'repo'),
    runnerTemp: join(directory, 'work', '_temp'),
    githubWorkspace: join(directory, 'work', 'repo', 'repo')
  }
})

export const kubeconfig = (host: string): string =>
  JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'simulated', cluster: { server: `http://${host}`, 'insecure-skip-tls-verify': true } }],
    users: [{ name: 'hook', user: {} }],
    contexts: [{ name: 'it', context: { cluster: 'simulated', user: 'hook', namespace: NAMESPACE } }],
    'current-context': 'it'
  })

export async function layOut(directory: string, scenario: Scenario): Promise<StepRequest> {
  const work = join(directory, 'work')
  const workspace = join(work, 'repo', 'repo')
  const action = join(work, '_actions', 'acme')
  for (const path of [workspace, action, join(work, '_temp')]) await mkdir(path, { recursive: true })
  await writeFile(join(action, 'Dockerfile'), 'FROM scratch\n')
  return {
    ...(scenario.asksFor === 'image' ? { image: 'busybox:1' } : { dockerfile: join(action, 'Dockerfile') }),
    args: ['one', 'two'],
    env: { INPUT_TOKEN: SECRET },
    workingDirectory: '/github/workspace',
    mounts: [{ source: workspace, target: '/github/workspace', readOnly: false }]
  }
}

/** A runner pod whose work directory is on a claim: storage mode volume. */
export const runnerPodFor = (directory: string): V1Pod => ({
  metadata: { name: RUNNER_POD, namespace: NAMESPACE, uid: '00000000-1111-2222-3333-444444444444' },
  spec: {
    nodeName: 'node-1',
    containers: [
      {
        name: 'runner',
        image: 'runner:1',
        volumeMounts: [{ name: 'work', mountPath: join(directory, 'work') }]
      }
    ],
    volumes: [{ name: 'work', persistentVolumeClaim: { claimName: 'runner-abc-work' } }]
  },
  status: { phase: 'Running' }
})

/** Made by prepare_job, on the same claim. */
export function jobPodFor(directory: string): V1Pod {
  const { metadata, spec } = runnerPodFor(directory)
  const owner = { apiVersion: 'v1', kind: 'Pod', name: RUNNER_POD, uid: metadata?.uid ?? '' }
  return {
    metadata: {
      name: JOB_POD,
      namespace: NAMESPACE,
      labels: { 'runner-pod': RUNNER_POD, 'app.kubernetes.io/managed-by': 'slipway' },
      ownerReferences: [owner]
    },
    spec: { nodeName: 'node-1', containers: [{ name: 'job', image: 'debian:12' }], volumes: spec?.volumes ?? [] }
  }
}
