/** A runner's disk and pods whose work volumes are directories here, for the tests of what moves files between them. */
import { mkdir, mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, vi } from 'vitest'
import { connectCluster } from '../../../../../src/effects/kubernetes/api/cluster.ts'
import type { Site } from '../../../../../src/effects/kubernetes/context/site.ts'
import { detectStorage } from '../../../../../src/effects/kubernetes/context/storage.ts'
import { createReporter } from '../../../../../src/effects/log/reporter.ts'
import { systemClock } from '../../../../../src/effects/system.ts'
import { type PodServer, startPodServer } from '../../../../support/pod-server.ts'
import { removeDirectory } from '../../../../support/removed.ts'
import { runIn } from '../../../../support/work-volume.ts'
import { runnerPod, siteOf } from '../context-fixture.ts'

export interface Disks {
  /** The runner's `_work`. */
  readonly runner: string
  readonly server: PodServer
  /** Directory of a pod's work volume. */
  volume(pod: string): string
  /** Of a runner in copy mode. */
  site(parts?: Partial<Site>): Promise<Site>
  /** What was said to the user. */
  said(): string
}

/** Anew for every test; `pods` are those that there are. */
export function useDisks(...pods: readonly string[]): () => Disks {
  let disks: Disks
  let directory = ''
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'slipway-files-'))
    const runner = join(directory, 'runner')
    const volume = (pod: string) => join(directory, 'volumes', pod)
    for (const path of [runner, ...pods.map(volume)]) await mkdir(path, { recursive: true })
    const server = await startPodServer(directory, [])
    server.run = (pod, _container, command) => runIn(volume(pod), command)
    vi.stubEnv('KUBECONFIG', server.kubeconfig)
    const paths = { runnerWorkspace: join(runner, 'repo'), runnerTemp: '', githubWorkspace: join(runner, 'repo/repo') }
    let said = ''
    const reporter = createReporter((chunk) => {
      said += chunk
    })
    disks = {
      runner,
      server,
      volume,
      said: () => said,
      async site(parts = {}) {
        const cluster = await connectCluster({ clock: systemClock, onRetry: () => {} })
        const storage = detectStorage(runnerPod('copy'), { paths })
        return siteOf('copy', { cluster, storage, reporter, ...parts })
      }
    }
  })
  afterEach(async () => {
    vi.unstubAllEnvs()
    await disks.server.close()
    await removeDirectory(directory)
  })
  return () => disks
}
