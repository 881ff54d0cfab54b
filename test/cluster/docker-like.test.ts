/** Ports and names of variables on a real API server: what docker takes, a job takes, in a namespace that enforces Baseline. */
import { describe, expect, it } from 'vitest'
import { dockerfile, installAction } from './support/actions.ts'
import { useRunnerPod } from './support/harness.ts'
import { runCleanupJob, runContainerStep } from './support/hook.ts'
import { canBuild, IMAGES } from './support/images.ts'
import { inJob, jobPodOf, prepareJob } from './support/job.ts'
import { errorsOf } from './support/leftovers.ts'
import { STORAGE_MODES, WORKSPACE } from './support/runner-pod.ts'
import { runScript } from './support/script.ts'

const PORTS = ['18090:80', '127.0.0.1:5432:5432', '8000-8002:8000-8002', '[::1]:81:81', '0:82', '90/udp', '7000-7001']
const SHOWN = {
  ...{ '80': '18090', '5432': '5432', '8000': '8000', '8001': '8001', '8002': '8002' },
  ...{ '81': '81', '82': '82', '90': '90', '7000': '7000', '7001': '7001' }
}
const ODD = { INPUT_GRÖSSE: 'groß $(HOME) $$', ビルド: '', 'a b': 'blank', '1st': 'digit', 'x.y-z': 'dots', EMPTY: '' }
/** Values as hexadecimal digits; the image's Python is a small one. */
const PRINT = `import os; print("ENV", *("x" + os.environb[k.encode()].hex() for k in ${JSON.stringify(Object.keys(ODD))}))`
const EXPECTED = Object.values(ODD).map((value) => `x${Buffer.from(value).toString('hex')}`)
const printed = (text: string) => /^ENV (.*)$/m.exec(text)?.[1]?.split(' ')

const builds = await canBuild()

describe('two jobs at once that publish the same ports', () => {
  const runners = [useRunnerPod('copy'), useRunnerPod('copy')] as const
  const service = { image: IMAGES.registry, portMappings: PORTS }
  const job = { container: { image: IMAGES.debian, portMappings: PORTS }, services: [service] }

  it('both run, since no port of the node is taken, and are told the ports as docker tells them', async () => {
    try {
      for (const runner of runners) {
        const { exitCode, stdout, response } = await prepareJob(runner(), job)
        expect(exitCode, stdout).toBe(0)
        expect(response?.context.container.ports).toEqual(SHOWN)
        expect(response?.context.services?.map(({ ports }) => ports)).toEqual([SHOWN])
        const { spec } = await jobPodOf(runner())
        expect(JSON.stringify(spec)).not.toContain('hostPort')
        // The service itself, under its own port, by either name.
        const ask = 'for h in localhost registry; do perl -MIO::Socket::INET -e'
        const reached = await inJob(
          runner(),
          `${ask} 'IO::Socket::INET->new(PeerAddr => $ARGV[0], PeerPort => 5000) or die' $h && echo reached; done`
        )
        expect(reached.stdout).toBe('reached\nreached')
      }
    } finally {
      for (const runner of runners) await runCleanupJob(runner())
    }
  })

  it('take them where the administrator wants it, which Baseline refuses in one line', async () => {
    const env = { ACTIONS_RUNNER_CONTAINER_HOOKS_HOST_PORTS: 'on' }
    const refused = await prepareJob(runners[0](), job, { env })
    expect(refused.exitCode).not.toBe(0)
    expect(errorsOf(refused)).toEqual([expect.stringMatching(/hostPort/)])
    await runCleanupJob(runners[0]())
  })
})

describe.each(STORAGE_MODES)('variables with names that Kubernetes does not take, storage mode %s', (mode) => {
  const runner = useRunnerPod(mode)

  it('reach a container action with an entrypoint', async () => {
    await runner().write(WORKSPACE, { 'print.py': PRINT })
    const action = { image: IMAGES.debian, entryPoint: 'python3', args: ['print.py'], env: ODD }
    const step = await runContainerStep(runner(), action)
    expect(step.exitCode, step.stdout).toBe(0)
    expect(printed(step.stdout)).toEqual(EXPECTED)
  })

  it('are named at once where nobody knows what the image runs', async () => {
    const step = await runContainerStep(runner(), { image: IMAGES.coredns, args: ['-version'], env: ODD })
    expect(step.exitCode).not.toBe(0)
    expect(errorsOf(step)).toEqual([expect.stringContaining("no variable called 'INPUT_GRÖSSE'")])
  })

  it.skipIf(!builds)('reach what a Dockerfile has as ENTRYPOINT and CMD', async () => {
    const lines = ['WORKDIR /x', `COPY print.py /`, 'ENTRYPOINT ["python3"]', 'CMD ["/print.py"]']
    const tree = { Dockerfile: dockerfile(IMAGES.debianBase, ...lines), 'print.py': PRINT }
    const directory = await installAction(runner(), 'variables', tree)
    const step = await runContainerStep(runner(), { dockerfile: `${directory}/Dockerfile`, env: ODD })
    expect(step.exitCode, step.stdout).toBe(0)
    expect(printed(step.stdout)).toEqual(EXPECTED)
  })

  it('reach the scripts of a job container, and a service with an entrypoint', async () => {
    const service = { image: IMAGES.debian, entryPoint: 'sleep', entryPointArgs: ['100'], environmentVariables: ODD }
    const container = { image: IMAGES.debian, environmentVariables: ODD }
    try {
      const prepared = await prepareJob(runner(), { container, services: [service] })
      expect(prepared.exitCode, prepared.stdout).toBe(0)
      const text = `cat >print.py <<'E'\n${PRINT}\nE\n`
      expect((await runScript(runner(), { run: text })).exitCode).toBe(0)
      // As a JavaScript action is run; a shell keeps none of these for its children, on docker either.
      const script = await runScript(runner(), { entryPoint: 'python3', args: ['/__w/repo/repo/print.py'] })
      expect(script.exitCode, script.stdout).toBe(0)
      expect(printed(script.stdout)).toEqual(EXPECTED)
      const { stdout } = await inJob(runner(), 'tr "\\0" "\\n" </proc/1/environ', 'debian')
      for (const [name, value] of Object.entries(ODD)) expect(`${stdout}\n`).toContain(`${name}=${value}\n`)
      expect(stdout).not.toContain('SLIPWAY_ENV')
    } finally {
      await runCleanupJob(runner())
    }
  })
})
