/** Goal: a step is handed over once, whatever becomes of the answer, and a build in place has its container for itself. Method: an API server with programs that end as they are told. */
import { PassThrough } from 'node:stream'
import type { V1Pod } from '@kubernetes/client-node'
import { describe, expect, it } from 'vitest'
import { chooseBuilders } from '../../../../../src/effects/builders/choose.ts'
import { createPortsOn } from '../../../../../src/effects/kubernetes/container-step/backend.ts'
import { handOverTo } from '../../../../../src/effects/kubernetes/container-step/hand-over.ts'
import { createInPlaceBuilder } from '../../../../../src/effects/kubernetes/container-step/in-place.ts'
import { openTelling } from '../../../../../src/effects/kubernetes/container-step/telling.ts'
import { createReporter } from '../../../../../src/effects/log/reporter.ts'
import { systemClock } from '../../../../../src/effects/system.ts'
import type { Clock } from '../../../../../src/machines/ports.ts'
import type { StepRequest } from '../../../../../src/machines/types.ts'
import { SOURCE } from '../../../../support/container-step-model.ts'
import type { Program } from '../../../../support/pod-server.ts'
import { useDisks } from '../files/fixture.ts'

const { signal } = new AbortController()
const disks = useDisks()
const POD = 'build-1'
const MARKER = 'slipway: built 0123'
const TIME = '2026-11-28T12:00:00Z'
const CONFIG = '{"config":{"Entrypoint":["/action"]}}'
const request: StepRequest = { args: [], env: { TOKEN: 'a secret' }, workingDirectory: '/github/workspace', mounts: [] }

const runningOf = (name: string) => ({
  name,
  image: '',
  imageID: '',
  ready: true,
  restartCount: 0,
  state: { running: {} }
})
const ENDED = { ...runningOf('job'), state: { terminated: { exitCode: 7 } } }

const RUNNING: V1Pod = {
  metadata: { name: POD },
  spec: { containers: [{ name: 'files' }, { name: 'job' }] },
  status: {
    phase: 'Running',
    containerStatuses: ['files', 'job'].map(runningOf)
  }
}

const noShell = (said: string) => () => {
  throw new Error(said)
}
const WITHOUT_SHELL = [
  'OCI runtime exec failed: exec failed: unable to start container process: exec: "/busybox/sh": stat /busybox/sh: no such file or directory',
  'OCI runtime exec failed: executable file `/busybox/sh` not found: No such file or directory'
]

/** Ends a moment after what it says, and after what it is told. */
function program(said: string, end: () => number | Promise<number>): Program {
  const [stdin, stdout, stderr] = [new PassThrough(), new PassThrough(), new PassThrough()]
  stdin.resume()
  stdout.end(said)
  stderr.end()
  const ended = soon().then(end)
  ended.catch(() => {})
  return { stdin, stdout, stderr, ended }
}

const soon = () => new Promise<void>((resolve) => setTimeout(resolve, 20))

/** Says what was built, and once something is typed that it was started. Ends with what is typed. */
function talk(built: string, started: string, end: () => number): Program {
  const [stdin, stdout, stderr] = [new PassThrough(), new PassThrough(), new PassThrough()]
  let isTold = false
  stdout.write(built)
  const ended = new Promise<void>((resolve) => {
    stdin.on('data', () => {
      if (!isTold) stdout.write(started)
      isTold = true
    })
    stdin.once('end', resolve)
  }).then(soon)
  const over = ended.then(() => {
    stdout.end()
    stderr.end()
    return isTold ? end() : 0
  })
  over.catch(() => {})
  return { stdin, stdout, stderr, ended: over }
}

interface Answers {
  /** What it says of what was built; it may not say that. */
  readonly built?: string | (() => Program)
  readonly cleared?: () => number | Promise<number>
  readonly started?: string
  readonly ends?: () => number
  readonly clock?: Clock
  /** Whether the connection was opened before. */
  readonly isOpened?: boolean
}

const BUILT = `built ${CONFIG.length} - -\n${CONFIG}`

/** A hand-over to a container whose programs answer so. */
async function handOver({
  cleared = () => 0,
  built = BUILT,
  started = `${TIME}\n`,
  ends = () => 0,
  clock = systemClock,
  isOpened = false
}: Answers) {
  const { server, site, runner } = disks()
  server.pods.set(POD, RUNNING)
  server.run = (_pod, container) => {
    if (container === 'files') return program('', cleared)
    return typeof built === 'string' ? talk(built, started, ends) : built()
  }
  // The files are there.
  const storage = { mode: 'volume', workDirectory: runner, volume: { name: 'work' }, rootPath: '' } as const
  const here = await site({ storage, clock })
  const opened = new Map(isOpened ? [[POD, openTelling(here, POD)]] : [])
  if (isOpened) await soon()
  const input = { nonce: '0', request, built: { pod: POD, marker: MARKER } }
  return await handOverTo(here, { typedTo: new Set(), opened }, input, signal)
}

describe('a step that was built in place', () => {
  it('is handed over by what is typed into its container, and its log is read from the end of the build on', async () => {
    expect(await handOver({})).toEqual({ copiedIn: {}, inPlace: { pod: POD, marker: MARKER, since: TIME } })
    const typed = disks().server.typed(POD)
    expect(typed).toContain("export TOKEN='a secret'")
    expect(typed).toContain('/action')
  })

  it('is handed over by a connection that was opened before it was needed', async () => {
    let connections = 0
    const built = () => {
      connections += 1
      return talk(BUILT, `${TIME}\n`, () => 0)
    }
    expect(await handOver({ built, isOpened: true })).toMatchObject({ inPlace: { since: TIME } })
    expect(connections).toBe(1)
    expect(disks().server.typed(POD).match(/TOKEN/g)).toHaveLength(1)
  })

  it.each<[string, () => Program]>([
    [
      'was lost',
      () => {
        disks().server.cut()
        return talk('', '', () => 0)
      }
    ],
    ['was refused', () => program('', noShell('the container is busy'))]
  ])('is handed over by another one where that %s', async (_what, first) => {
    let connections = 0
    const built = () => {
      connections += 1
      return connections === 1 ? first() : talk(BUILT, `${TIME}\n`, () => 0)
    }
    expect(await handOver({ built, isOpened: true })).toMatchObject({ inPlace: { since: TIME } })
    expect(connections).toBe(2)
    expect(disks().server.typed(POD).match(/TOKEN/g)).toHaveLength(1)
  })

  it.each(WITHOUT_SHELL)('was handed over where the container has no shell any more: %s', async (said) => {
    const built = () => program('', noShell(said))
    expect(await handOver({ built })).toMatchObject({ inPlace: { pod: POD, since: '' } })
    expect(disks().server.typed(POD)).not.toContain('TOKEN')
  })

  it.each([
    [`${TIME}\n`, TIME],
    ['', '']
  ])('was handed over where the container says so and %j', async (time, since) => {
    const built = () => program(`handed over\n${time}`, () => 0)
    expect(await handOver({ built })).toMatchObject({ inPlace: { pod: POD, since } })
    expect(disks().server.typed(POD)).not.toContain('TOKEN')
  })

  it('was handed over where its action is over before who handed it over', async () => {
    expect(await handOver({ ends: () => 137 })).toMatchObject({ inPlace: { since: TIME } })
  })

  it('is not before what the build was given, credentials among it, is removed', async () => {
    await expect(handOver({ cleared: () => 1 })).rejects.toMatchObject({ code: 'workspace-delivery-failed' })
    expect(disks().server.typed(POD)).not.toContain('TOKEN')
  })

  it('is handed over once over a second connection where its files take longer than one may be silent', async () => {
    let waits = 0
    const clock: Clock = {
      ...systemClock,
      async sleep() {
        waits += 1
      }
    }
    let place = () => {}
    const cleared = () => new Promise<number>((resolve) => (place = () => resolve(0)))
    const opened: string[] = []
    const built = () => {
      opened.push(disks().server.typed(POD))
      if (opened.length === 2) place()
      else setTimeout(() => place(), 200)
      return talk(BUILT, `${TIME}\n`, () => 0)
    }
    expect(await handOver({ cleared, built, clock })).toMatchObject({ inPlace: { since: TIME } })
    expect(opened).toEqual(['', ''])
    expect(waits).toBe(1)
    expect(disks().server.typed(POD).match(/TOKEN/g)).toHaveLength(1)
  })

  it.each([
    ['and it had taken what to run', BUILT, ''],
    ['and it had been told nothing', '', undefined]
  ])('that was lost with its connection has ended %s', async (_what, built, since) => {
    const { server } = disks()
    const end = () => {
      const status = { phase: 'Failed', containerStatuses: [ENDED, runningOf('files')] }
      server.pods.set(POD, { ...RUNNING, status })
    }
    let tries = 0
    const talkOnce = () => {
      tries += 1
      if (tries > 1) return program('', noShell('the container is not running'))
      const talking = talk(built, '', () => 0)
      const cut = () => {
        end()
        server.cut()
      }
      if (built === '') setTimeout(cut, 50)
      else talking.stdin.once('data', cut)
      return talking
    }
    const handed = handOver({ built: talkOnce })
    if (since === undefined) await expect(handed).rejects.toMatchObject({ code: 'run-lost' })
    else expect(await handed).toMatchObject({ inPlace: { pod: POD, since } })
    expect(tries).toBe(2)
  })

  it('is asked again where who handed it over was killed and has not said whether it had', async () => {
    let tries = 0
    const built = () => {
      tries += 1
      return tries === 1 ? talk(BUILT, '', () => 137) : program(`handed over\n${TIME}\n`, () => 0)
    }
    expect(await handOver({ built })).toMatchObject({ inPlace: { since: TIME } })
    expect(tries).toBe(2)
  })

  it('is not where nothing says so', async () => {
    await expect(handOver({ started: '', ends: () => 1 })).rejects.toMatchObject({ code: 'start-failed' })
    const built = () => program('', noShell('chdir to cwd ("/workspace"): no such file or directory'))
    await expect(handOver({ built })).rejects.toThrow()
  })

  it.each<[string, () => Program, string]>([
    ['ends badly', () => program('', () => 1), 'start-failed'],
    ['says nothing', () => program('', () => 0), 'layout-lost'],
    ['says half of it', () => program(BUILT.slice(0, -1), () => 0), 'layout-lost'],
    ['says too much', () => program('built 99999999 - -\n', () => 0), 'start-failed'],
    ['says something else', () => talk('\u0000\n', '', () => 0), 'layout-lost'],
    ['names an image without a command', () => talk('built 2 - -\n{}', '', () => 0), 'start-failed']
  ])('is not where the container %s instead of what it has built', async (_what, built, code) => {
    await expect(handOver({ built })).rejects.toMatchObject({ code })
    expect(disks().server.typed(POD)).not.toContain('TOKEN')
  })
})

describe('a container that stands', () => {
  const job = { pod: 'runner-abc-workflow', uid: 'uid-job', serviceNames: [] }
  const LOG = `2026-01-01T00:00:00.000000001Z ${MARKER}\n`.repeat(2)
  const standing = { pod: POD, marker: MARKER }

  /** The ports as the hook has them, where the container answers so. */
  async function portsOn(talking: () => Program) {
    const { server, site, runner } = disks()
    server.pods.set(POD, RUNNING)
    server.logs.set(POD, LOG)
    server.run = (_pod, container) => (container === 'files' ? program('', () => 0) : talking())
    const paths = { runnerWorkspace: '', runnerTemp: '', githubWorkspace: '' }
    const deps = { clock: systemClock, randomHex: () => '', reporter: createReporter(() => {}) }
    const storage = { ...(await site()).storage, mode: 'copy', workDirectory: runner } as const
    const here = await site({ job, storage })
    return createPortsOn({ runnerPod: 'runner-abc', paths }, deps, async () => here)
  }

  it('is handed over by the connection that was opened when it was taken', async () => {
    let connections = 0
    const { inPlace } = await portsOn(() => {
      connections += 1
      return talk(BUILT, `${TIME}\n`, () => 0)
    })
    const taken = await inPlace.take({ nonce: 'a', request, source: SOURCE, standing }, signal)
    expect(taken).toEqual({ inPlace: standing })
    await expect.poll(() => disks().server.shells(POD).opened).toBe(1)
    const handed = await inPlace.handOver({ nonce: 'a', request, built: standing }, signal)
    expect(handed).toMatchObject({ inPlace: { since: TIME } })
    // The others are in its container for files.
    expect(connections).toBe(1)
  })

  it('has no connection left where it is of no use', async () => {
    const { inPlace } = await portsOn(() => talk('', '', () => 0))
    const { server } = disks()
    server.pods.set(POD, { ...RUNNING, status: { phase: 'Failed' } })
    // What is wrong with it is seen when the connection is there.
    server.beforeGet = async (name) => {
      if (name === POD) await expect.poll(() => server.shells(POD).opened).toBe(1)
      return undefined
    }
    expect(await inPlace.take({ nonce: 'a', request, source: SOURCE, standing }, signal)).toEqual({})
    await expect.poll(() => server.shells(POD)).toEqual({ opened: 1, open: 0 })
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
