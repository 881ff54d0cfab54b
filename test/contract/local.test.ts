/** The local backend held to the contract, with the engine that this computer has; installs one where it may. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readdir } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import type { CliDependencies } from '../../src/cli/command.ts'
import { BASE_IMAGE, provisionLocalPorts } from '../../src/cli/provision.ts'
import { createLocalPorts } from '../../src/effects/local/backend.ts'
import { startLocalRegistry } from '../../src/effects/local/registry.ts'
import { createReporter } from '../../src/effects/log/reporter.ts'
import { createRegistryClient } from '../../src/effects/registry/client.ts'
import { randomHex, systemClock } from '../../src/effects/system.ts'
import { ERROR_CODES, toStepError } from '../../src/errors.ts'
import { removeDirectory } from '../support/removed.ts'
import { type Backend, never, type OpenBackend } from './backend.ts'
import { describeBuilder, describePusher } from './building.ts'
import { describeJanitor } from './cleaning.ts'
import { describeRunner, describeWorkspace } from './running.ts'

const COMMAND_LINE = new URL('../../dist/slipway.js', import.meta.url).pathname
const ACTION = new URL('../../examples/hello-action', import.meta.url).pathname

const temporaryDirectory = await mkdtemp(join(tmpdir(), 'slipway-local-'))
afterAll(() => removeDirectory(temporaryDirectory))

const deps: CliDependencies = {
  write: (data) => void process.stderr.write(data),
  environment: process.env,
  workingDirectory: process.cwd(),
  temporaryDirectory,
  isRoot: process.getuid?.() === 0,
  onCancel: () => () => {}
}

/** The engine that answers, or why none does. */
async function provision(): Promise<{ engine: string } | { reason: string }> {
  try {
    const backend = await provisionLocalPorts(deps, never)
    await backend.close()
    return { engine: backend.engine }
  } catch (thrown) {
    const error = toStepError(thrown)
    if (error.code !== 'engine-missing') throw thrown
    return { reason: `${error.message}\n${error.detail ?? ''}` }
  }
}

function local(engine: string, emptyRegistry: string): Backend {
  // docker would ask Docker Hub for a short name; buildah would ask an unknown registry with TLS.
  const missing = engine.startsWith('buildah') ? 'slipway-no-such-image:1' : `${emptyRegistry}/no-such-image:1`
  const images = { base: BASE_IMAGE, missing }
  return { name: `local, ${engine}`, from: images, run: images, endsAtOnce: true, open }
}

async function open(): Promise<OpenBackend> {
  let log = ''
  const reporter = createReporter((data) => {
    log += Buffer.from(data).toString('utf8')
  })
  const { environment } = deps
  const backend = await createLocalPorts(
    {},
    { reporter, clock: systemClock, randomHex, environment, temporaryDirectory },
    never
  )
  const target = { pushHost: backend.registryHost, pullHost: backend.registryHost, plainHttp: true }
  return { ports: backend.ports, client: createRegistryClient(target), log: () => log, close: () => backend.close() }
}

const found = await provision()
if ('reason' in found) {
  console.error(`\n*** NOT TESTED: the local backend, because no container engine answers ***\n${found.reason}\n`)
  describe.skip('local backend: SKIPPED, no container engine answers (see above)', () => {
    test('is held to the contract', () => {})
  })
} else {
  const empty = await startLocalRegistry(await mkdtemp(join(tmpdir(), 'slipway-registry-')), () => randomHex(16))
  afterAll(() => empty.close())
  const backend = local(found.engine, empty.host)
  describeBuilder(backend)
  describePusher(backend)
  describeRunner(backend)
  describeWorkspace(backend)
  describeJanitor(backend)
  test('a closed local backend leaves nothing in the temporary directory', async () => {
    const open = await backend.open()
    expect(await readdir(temporaryDirectory)).toHaveLength(1)
    await open.close()
    expect(await readdir(temporaryDirectory)).toEqual([])
  })
  test.each(['reader', 'terminal'])('a run whose %s goes away is cancelled, and leaves nothing', async (what) => {
    const env = { ...process.env, TMPDIR: temporaryDirectory }
    const child = spawn(process.execPath, [COMMAND_LINE, 'run', ACTION], { env, stdio: ['ignore', 'pipe', 'ignore'] })
    child.stdout.once('data', () => (what === 'reader' ? child.stdout.destroy() : child.kill('SIGHUP')))
    const [exitCode] = await once(child, 'close')
    expect(exitCode).toBe(ERROR_CODES.cancelled.exitCode)
    expect(await readdir(temporaryDirectory)).toEqual([])
  })
}
