/** Goal: a step is handed over once, whatever becomes of the answer, and a build in place has its container for itself. Method: an API server with programs that end as they are told. */
import { PassThrough } from 'node:stream'
import type { V1Pod } from '@kubernetes/client-node'
import { describe, expect, it } from 'vitest'
import { chooseBuilders } from '../../../../../src/effects/builders/choose.ts'
import { createInPlaceBuilder } from '../../../../../src/effects/kubernetes/container-step/in-place.ts'
import type { StepRequest } from '../../../../../src/machines/types.ts'
import type { Program } from '../../../../support/pod-server.ts'
import { useDisks } from '../files/fixture.ts'

const { signal } = new AbortController()
const disks = useDisks()
const POD = 'build-1'
const MARKER = 'slipway: built 0123'
const TIME = '2026-11-28T12:00:00Z'
const CONFIG = '{"config":{"Entrypoint":["/action"]}}'
const request: StepRequest = { args: [], env: { TOKEN: 'a secret' }, workingDirectory: '/github/workspace', mounts: [] }

const RUNNING: V1Pod = {
  metadata: { name: POD },
  spec: { containers: [{ name: 'files' }, { name: 'job' }] },
  status: {
    phase: 'Running',
    containerStatuses: ['files', 'job'].map((name) => ({
      name,
      image: '',
      imageID: '',
      ready: true,
      restartCount: 0,
      state: { running: {} }
    }))
  }
}

const noShell = (said: string) => () => {
  throw new Error(said)
}
const WITHOUT_SHELL = [
  'OCI runtime exec failed: exec failed: unable to start container process: exec: "/busybox/sh": stat /busybox/sh: no such file or directory',
  'OCI runtime exec failed: executable file `/busybox/sh` not found: No such file or directory'
]

function program(said: string, end: () => number): Program {
  const [stdin, stdout, stderr] = [new PassThrough(), new PassThrough(), new PassThrough()]
  stdin.resume()
  stdout.end(said)
  stderr.end()
  // After what it says, and what it is told.
  const ended = new Promise<void>((resolve) => setTimeout(resolve, 20)).then(end)
  ended.catch(() => {})
  return { stdin, stdout, stderr, ended }
}

interface Answers {
  readonly built?: () => number
  readonly cleared?: () => number
  readonly started?: string
  readonly ends?: () => number
}

/** A hand-over to a container whose programs answer so. */
async function handOver({ cleared = () => 0, built = () => 0, started = `${TIME}\n`, ends = () => 0 }: Answers) {
  const { server, site, runner } = disks()
  server.pods.set(POD, RUNNING)
  server.run = (_pod, container, command) => {
    if (container === 'files') return program('', cleared)
    if (command[1] === '-c') return program(`built ${CONFIG.length} - -\n${CONFIG}`, built)
    return program(started, ends)
  }
  // The files are there.
  const storage = { mode: 'volume', workDirectory: runner, volume: { name: 'work' }, rootPath: '' } as const
  const builder = createInPlaceBuilder(await site({ storage }), {
    builders: chooseBuilders({}),
    randomHex: () => '',
    identityOf: () => ''
  })
  return await builder.handOver({ nonce: '0', request, built: { pod: POD, marker: MARKER } }, signal)
}

describe('a step that was built in place', () => {
  it('is handed over by what is typed into its container, and its log is read from the end of the build on', async () => {
    expect(await handOver({})).toEqual({ copiedIn: {}, inPlace: { pod: POD, marker: MARKER, since: TIME } })
    const typed = disks().server.typed(POD)
    expect(typed).toContain("export TOKEN='a secret'")
    expect(typed).toContain('/action')
  })

  it.each(WITHOUT_SHELL)('was handed over where the container has no shell any more: %s', async (said) => {
    expect(await handOver({ built: noShell(said) })).toMatchObject({ inPlace: { pod: POD, since: '' } })
    expect(disks().server.typed(POD)).not.toContain('TOKEN')
  })

  it('was handed over where its action is over before who handed it over', async () => {
    expect(await handOver({ ends: () => 137 })).toMatchObject({ inPlace: { since: TIME } })
  })

  it('is not where what the build was given, credentials among it, cannot be removed', async () => {
    await expect(handOver({ cleared: () => 1 })).rejects.toMatchObject({ code: 'workspace-delivery-failed' })
    expect(disks().server.typed(POD)).not.toContain('TOKEN')
  })

  it('is not where nothing says so', async () => {
    await expect(handOver({ started: '', ends: () => 137 })).rejects.toMatchObject({ code: 'start-failed' })
    await expect(
      handOver({ built: noShell('chdir to cwd ("/workspace"): no such file or directory') })
    ).rejects.toThrow()
  })

  it('is not where the container does not tell what it has built', async () => {
    await expect(handOver({ built: () => 1 })).rejects.toMatchObject({ code: 'start-failed' })
  })
})

it('is not built where the template lets containers share their processes', async () => {
  const { site } = disks()
  const patch = { spec: {}, containers: [] }
  const template = {
    path: '/t',
    extension: { ...patch, spec: { shareProcessNamespace: true } },
    step: patch,
    build: patch
  }
  const builder = createInPlaceBuilder(await site({ template } as never), {
    builders: chooseBuilders({}),
    randomHex: () => '',
    identityOf: () => ''
  })
  const source = { contextDirectory: '/c', dockerfile: 'Dockerfile', contentHash: '0' }
  await expect(builder.buildInPlace({ source, request, nonce: '0', attempt: 1 }, signal)).rejects.toMatchObject({
    code: 'not-supported',
    message: expect.stringContaining('shareProcessNamespace')
  })
})
