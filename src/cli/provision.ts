/** Makes sure that what the examples need is there: a container engine and a base image, for the demo and the tests. */
import { copyFile, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createLocalPorts, type LocalBackend, type LocalDependencies } from '../effects/local/backend.ts'
import { createProcessRunner } from '../effects/local/process.ts'
import { randomHex, systemClock } from '../effects/system.ts'
import { StepError, toStepError } from '../errors.ts'
import type { CliDependencies } from './command.ts'
import { createTerminalReporter } from './terminal.ts'

/** The name that the examples give in FROM; never pulled, because it is made on the spot. */
export const BASE_IMAGE = 'localhost/slipway-base:1'

const BUSYBOX = '/bin/busybox'
const BASE_DOCKERFILE = `FROM scratch
COPY busybox /bin/busybox
RUN ["/bin/busybox", "--install", "-s", "/bin"]
RUN mkdir -p /tmp /etc && chmod 1777 /tmp && echo 'root:x:0:0:root:/root:/bin/sh' > /etc/passwd && echo 'root:x:0:' > /etc/group
ENV PATH=/bin:/usr/bin
CMD ["sh"]
`

/**
 * A local backend on this computer, with an engine and busybox installed first where they are missing and may be
 * installed (root on Debian, and it says so). Rejects with `engine-missing`, whose message says what to install.
 */
export async function provisionLocalPorts(deps: CliDependencies, signal: AbortSignal): Promise<LocalBackend> {
  const reporter = createTerminalReporter(deps.write)
  const { environment, temporaryDirectory } = deps
  const dependencies: LocalDependencies = { reporter, clock: systemClock, randomHex, environment, temporaryDirectory }
  const packages: string[] = []
  const backend = await createLocalPorts({}, dependencies, signal).catch((thrown: unknown) => {
    if (toStepError(thrown).code !== 'engine-missing') throw thrown
    packages.push('buildah')
    return undefined
  })
  if (!(await hasStaticBusybox(dependencies, signal))) packages.push('busybox-static')
  if (packages.length > 0) await install(packages, deps, dependencies, signal)
  const provisioned = backend ?? (await createLocalPorts({}, dependencies, signal))
  try {
    await makeBaseImage(provisioned, temporaryDirectory, signal)
  } catch (thrown) {
    await provisioned.close()
    throw thrown
  }
  return provisioned
}

/** `ldd` fails for a program that needs no libraries, which is the one that runs in an empty image. */
async function hasStaticBusybox(dependencies: LocalDependencies, signal: AbortSignal): Promise<boolean> {
  const processes = createProcessRunner(dependencies.environment, dependencies.clock)
  const there = await processes.run('test', ['-x', BUSYBOX], { signal })
  return there.exitCode === 0 && (await processes.run('ldd', [BUSYBOX], { signal })).exitCode !== 0
}

async function install(
  packages: string[],
  deps: CliDependencies,
  dependencies: LocalDependencies,
  signal: AbortSignal
) {
  const { reporter, clock, environment } = dependencies
  const processes = createProcessRunner(environment, clock)
  const command = `apt-get update && apt-get install -y ${packages.join(' ')}`
  const refuse = (why: string, detail?: string) =>
    new StepError('engine-missing', `${packages.join(' and ')} missing, and ${why}; install with: ${command}`, {
      detail
    })
  if (!deps.isRoot) throw refuse('only root may install packages')
  reporter.line(`installing what is missing: ${command}`)
  const noQuestions = { signal, env: { DEBIAN_FRONTEND: 'noninteractive' } }
  for (const args of [
    ['update', '--quiet'],
    ['install', '--yes', '--quiet', '--no-install-recommends', ...packages]
  ]) {
    const { exitCode, tail } = await processes.run('apt-get', args, noQuestions).catch((thrown: unknown) => {
      throw refuse('there is no apt-get here', toStepError(thrown).message)
    })
    if (exitCode !== 0) throw refuse('apt-get failed', tail)
  }
}

async function makeBaseImage(backend: LocalBackend, temporaryDirectory: string, signal: AbortSignal): Promise<void> {
  const directory = await mkdtemp(join(temporaryDirectory, 'slipway-base-'))
  try {
    await copyFile(BUSYBOX, join(directory, 'busybox'))
    await writeFile(join(directory, 'Dockerfile'), BASE_DOCKERFILE)
    await backend.ensureImage(BASE_IMAGE, directory, signal)
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
}
