/** BuildKit in a privileged pod of the suite's own, the reference. It is no part of the product. */
import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdtemp } from 'node:fs/promises'
import { join } from 'node:path'
import { IMAGES } from '../../cluster/support/images.ts'
import { apply, eventually, kubectl } from '../../cluster/support/kubectl.ts'
import { mustRun, runProcess } from '../../cluster/support/process.ts'
import { createTestNamespace } from '../../cluster/support/test-namespace.ts'
import { idOf, type ParityCase } from '../case.ts'
import type { Bench } from './bench.ts'
import { writeContext } from './context.ts'
import type { Outcome } from './outcome.ts'

const POD = 'buildkit'
const READY_MS_MAX = 60_000
/** Of the 24 digits that a runner's repository has: who looks for what a test has left takes it for another runner's. */
const REPOSITORY_BYTES = 12
/** How buildctl ends when the Dockerfile is at fault; whatever else it may be is the cluster's. */
const REFUSED = 1
/** Its words where no Dockerfile is at fault; nobody answers on the port that a case fetches from. */
const UNREACHABLE = /^(?!.*127\.0\.0\.1:9\b).*(?:connection refused|i\/o timeout|no such host|transport is closing)/m

export interface ReferenceBuilder {
  /** `buildkitd --version`, without the commit. */
  readonly version: string
  /** `name`: of the image in the registry, without the registry's own. */
  build(given: ParityCase): Promise<Outcome & { readonly name: string }>
  remove(): Promise<void>
}

export async function startReference(bench: Bench): Promise<ReferenceBuilder> {
  const namespace = await createTestNamespace('privileged')
  const inPod = ['exec', '-i', '-n', namespace.name, POD, '--']
  await apply(...objects(namespace.name, bench.registry))
  await eventually('the start of BuildKit', READY_MS_MAX, async () => {
    return (await runProcess('kubectl', [...inPod, 'buildctl', 'debug', 'workers'])).exitCode === 0
  })
  const { stdout } = await kubectl([...inPod, 'buildkitd', '--version'])
  const repository = randomBytes(REPOSITORY_BYTES).toString('hex')
  let count = 0
  return {
    version: /v\d+\.\d+\.\d+/.exec(stdout)?.[0] ?? stdout.trim(),
    async build(given) {
      count += 1
      const tag = `case-${count}`
      const directory = await mkdtemp(join(bench.workDirectory, 'reference-'))
      await writeContext(directory, given, bench.bases)
      const there = `/contexts/${tag}`
      await kubectl([...inPod, 'mkdir', '-p', there])
      // BuildKit takes a file of an earlier context for the same when size and time are.
      const sent = ['-c', '--owner=0', '--group=0', `--mtime=@${count}`, '-C', directory, '.']
      await mustRun('kubectl', [...inPod, 'tar', '-x', '--same-permissions', '-C', there], {
        input: spawn('tar', sent).stdout
      })
      const name = `${repository}:${tag}`
      const { exitCode, stderr, stdout } = await runProcess('kubectl', [...inPod, ...buildctl(there, bench, name)])
      if (exitCode === 0) return { kind: 'built', image: await bench.images.outline(name), name }
      const said = `${stdout}${stderr}`
      if (exitCode !== REFUSED || UNREACHABLE.test(said)) throw new Error(`BuildKit on ${idOf(given)}: ${said}`)
      return { kind: 'refused', code: 'buildkit', message: lastError(said), name }
    },
    async remove() {
      await bench.images.remove(repository)
      await namespace.remove()
    }
  }
}

const lastError = (said: string) => [...said.matchAll(/^error: .*$/gm)].at(-1)?.[0] ?? said.slice(-500)

const buildctl = (directory: string, { registry }: Bench, name: string): string[] => [
  'buildctl',
  'build',
  '--progress=plain',
  '--frontend=dockerfile.v0',
  `--local=context=${directory}`,
  `--local=dockerfile=${directory}`,
  // As if the frontend that a syntax directive names were this one: there is no way to Docker Hub.
  '--opt=cmdline=here',
  `--output=type=image,name=${registry}/${name},push=true,registry.insecure=true`
]

function objects(namespace: string, registry: string): object[] {
  const metadata = { name: POD, namespace }
  return [
    {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata,
      data: { 'buildkitd.toml': `[registry."${registry}"]\n  http = true\n` }
    },
    {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata,
      spec: {
        restartPolicy: 'Never',
        automountServiceAccountToken: false,
        terminationGracePeriodSeconds: 0,
        containers: [
          {
            name: POD,
            image: IMAGES.buildkit,
            imagePullPolicy: 'IfNotPresent',
            args: ['--config=/etc/buildkit/buildkitd.toml'],
            securityContext: { privileged: true },
            volumeMounts: [
              { name: 'config', mountPath: '/etc/buildkit' },
              { name: 'layers', mountPath: '/var/lib/buildkit' }
            ]
          }
        ],
        volumes: [
          { name: 'config', configMap: { name: POD } },
          { name: 'layers', emptyDir: {} }
        ]
      }
    }
  ]
}
