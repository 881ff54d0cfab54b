/** What the suite with ARC's own controller puts into the cluster beside it: the stand-in for GitHub, and volumes for the runners. */
import { readdir, readFile } from 'node:fs/promises'
import { IMAGES } from '../support/images.ts'
import { HOME } from '../support/runner-pod.ts'

/** The controller and the stand-in are here; the runners have a namespace of their own. */
export const SYSTEM = 'slipway-test-arc'
export const RUNNERS = 'slipway-test-arc-runners'
export const STORAGE_CLASS = 'slipway-test-arc'
export const GITHUB = `http://github.${SYSTEM}.svc.cluster.local`
/** Each runner of mode volume takes one, and nobody takes it again. */
export const VOLUMES = 16
export const VOLUMES_DIRECTORY = '/var/tmp/slipway-test/arc'

const labels = { app: 'github' }
const metadata = { name: 'github', namespace: SYSTEM }

/** The stand-in runs its TypeScript as it is, in the newer node of the runner's image. */
export async function githubStandIn(): Promise<readonly object[]> {
  const directory = new URL('./', import.meta.url)
  const names = (await readdir(directory)).filter((name) => /^(github|message-queue|scale-sets)\.ts$/.test(name))
  const files = await Promise.all(names.map(async (name) => [name, await readFile(new URL(name, directory), 'utf8')]))
  const container = {
    name: 'github',
    image: IMAGES.runner,
    imagePullPolicy: 'IfNotPresent',
    command: [`${HOME}/externals/node24/bin/node`, '/github/github.ts'],
    env: [{ name: 'SELF', value: GITHUB }],
    readinessProbe: { httpGet: { path: '/control/ready', port: 8080 }, periodSeconds: 1 },
    volumeMounts: [{ name: 'github', mountPath: '/github' }]
  }
  return [
    { apiVersion: 'v1', kind: 'ConfigMap', metadata, data: Object.fromEntries(files) },
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata,
      spec: { selector: labels, ports: [{ port: 80, targetPort: 8080 }] }
    },
    {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { ...metadata, labels },
      spec: {
        automountServiceAccountToken: false,
        terminationGracePeriodSeconds: 0,
        containers: [container],
        volumes: [{ name: 'github', configMap: { name: 'github' } }]
      }
    }
  ]
}

/** Volumes of one node's disk: unlike a hostPath they become the group's that `fsGroup` names. */
export const runnerVolumes = (node: string): readonly object[] => [
  {
    apiVersion: 'storage.k8s.io/v1',
    kind: 'StorageClass',
    metadata: { name: STORAGE_CLASS },
    provisioner: 'kubernetes.io/no-provisioner',
    volumeBindingMode: 'WaitForFirstConsumer'
  },
  ...volumeNames().map((name) => ({
    apiVersion: 'v1',
    kind: 'PersistentVolume',
    metadata: { name: `${STORAGE_CLASS}-${name}` },
    spec: {
      capacity: { storage: '10Gi' },
      accessModes: ['ReadWriteOnce'],
      persistentVolumeReclaimPolicy: 'Retain',
      storageClassName: STORAGE_CLASS,
      local: { path: `${VOLUMES_DIRECTORY}/${name}` },
      nodeAffinity: {
        required: {
          nodeSelectorTerms: [{ matchExpressions: [{ key: 'kubernetes.io/hostname', operator: 'In', values: [node] }] }]
        }
      }
    }
  }))
]

export const volumeNames = (): readonly string[] => Array.from({ length: VOLUMES }, (_, index) => String(index + 1))
