/** A container action with a prebuilt image on a real kubelet: its process, its log, and images that cannot be pulled. */
import { describe, expect, it } from 'vitest'
import { useRunnerPod } from './support/harness.ts'
import { runContainerStep } from './support/hook.ts'
import { IMAGES } from './support/images.ts'
import { errorsOf } from './support/leftovers.ts'
import { HOME, STORAGE_MODES, WORKSPACE } from './support/runner-pod.ts'

const shell = (script: string) => ({ image: IMAGES.debian, entryPoint: '/bin/sh', args: ['-c', script] })

describe.each(STORAGE_MODES)('a container action with an image, storage mode %s', (mode) => {
  const runner = useRunnerPod(mode)

  it("keeps the image's ENTRYPOINT when the action gives none, and needs no shell in it", async () => {
    const step = await runContainerStep(runner(), { image: IMAGES.coredns, args: ['-version'] })
    expect(step.exitCode, step.stdout).toBe(0)
    expect(step.stdout).toMatch(/^CoreDNS-1\./m)
  })

  it("replaces the image's ENTRYPOINT when the action gives one", async () => {
    const step = await runContainerStep(runner(), {
      image: IMAGES.registry,
      entryPoint: '/bin/echo',
      args: ['a  b', '$(id)']
    })
    expect(step.exitCode, step.stdout).toBe(0)
    expect(step.lines.map(({ text }) => text)).toContain('a b $(id)')
  })

  it('gets its environment exactly', async () => {
    const env = { TRICKY: 'a $(HOME) $$(HOME) "q" \\n \'s\'', EMPTY: '', 'WITH-DASH': 'dash', LINES: 'one\ntwo' }
    const print = 'import os\nfor name in ("TRICKY", "EMPTY", "WITH-DASH", "LINES"): print(repr(os.environ[name]))'
    await runner().write(WORKSPACE, { 'print.py': print })
    const action = { image: IMAGES.debian, entryPoint: 'python3', args: ['print.py'], env }
    const step = await runContainerStep(runner(), action)
    expect(step.exitCode, step.stdout).toBe(0)
    const printed = step.lines.map(({ text }) => text)
    const quoted = ["'a $(HOME) $$(HOME) \"q\" \\\\n \\'s\\''", "''", "'dash'", "'one\\ntwo'"]
    for (const value of quoted) expect(printed).toContain(value)
  })

  it.each([0, 5, 42])('ends the hook with its own exit code %i', async (exitCode) => {
    const step = await runContainerStep(runner(), shell(`exit ${exitCode}`))
    expect(step.exitCode, step.stdout).toBe(exitCode)
    expect(errorsOf(step)).toEqual([])
  })

  it('shows its lines while it runs', async () => {
    // A kubelet looks once a second what has started, and a busy one later, so the first line may be late; the program is longer than that.
    const step = await runContainerStep(runner(), shell('for i in 1 2 3 4 5 6 7 8; do echo "tick $i"; sleep 1; done'))
    expect(step.exitCode, step.stdout).toBe(0)
    const ticks = step.lines.filter(({ text }) => text.startsWith('tick '))
    expect(ticks.map(({ text }) => text)).toEqual([1, 2, 3, 4, 5, 6, 7, 8].map((tick) => `tick ${tick}`))
    const [first, last] = [ticks[0]?.atMs ?? 0, ticks[7]?.atMs ?? 0]
    expect(last - first).toBeGreaterThan(4_000)
    expect(step.durationMs - first).toBeGreaterThan(5_000)
  })

  it('has 20,000 lines complete and in order', async () => {
    // containerd gives a container that has ended 2 s to hand over its output and drops the rest, so this one waits for it.
    const step = await runContainerStep(runner(), shell('seq -f "line %.0f" 20000; sleep 5'))
    expect(step.exitCode).toBe(0)
    const numbers = step.lines
      .filter(({ text }) => /^line \d+$/.test(text))
      .map(({ text }) => Number(text.slice('line '.length)))
    expect(numbers).toHaveLength(20_000)
    expect(numbers.every((number, index) => number === index + 1)).toBe(true)
  })

  it.each([
    ['is in no repository', 'localhost:30500/base/absent:1'],
    ['has an unreachable registry', 'registry.invalid/team/tool:1'],
    ['has a name that cannot be', 'localhost:30500/Base/UPPER:1']
  ])('is named with the reason within 60 s when its image %s', async (_, image) => {
    const step = await runContainerStep(runner(), { image })
    expect(step.exitCode).not.toBe(0)
    expect(step.durationMs).toBeLessThan(60_000)
    expect(errorsOf(step)).toHaveLength(1)
    expect(errorsOf(step)[0]).toContain(image)
    expect(errorsOf(step)[0]?.replace(image, '')).toMatch(/not found|no such host|lookup|invalid|manifest|pull/i)
  })

  it.each([
    ['ends', `{name: warm, image: ${IMAGES.busybox}, command: [sh, -c, exit 3]}`, /warm.*exit code 3/],
    ['has no image', '{name: warm, image: "localhost:30500/base/absent:1"}', /warm.*cannot pull image.*absent/]
  ])('says so soon when an init container of the template %s', async (_, init, why) => {
    await runner().write(HOME, { 'template.yaml': `spec: {initContainers: [${init}]}` })
    const env = { ACTIONS_RUNNER_CONTAINER_HOOK_TEMPLATE: `${HOME}/template.yaml` }
    const step = await runContainerStep(runner(), shell('echo never'), { env })
    expect(step.exitCode).not.toBe(0)
    expect(step.durationMs).toBeLessThan(60_000)
    expect(errorsOf(step)).toEqual([expect.stringMatching(why)])
    expect(step.stdout).not.toMatch(/^never$/m)
  })

  it('says which program does not exist when it cannot be started', async () => {
    const step = await runContainerStep(runner(), { image: IMAGES.debian, entryPoint: '/no/such/program' })
    expect(step.exitCode).not.toBe(0)
    expect(errorsOf(step)).toHaveLength(1)
    expect(errorsOf(step)[0]).toContain('/no/such/program')
  })
})
