/**
 * kube-proxy in nftables mode, where no node port answers on localhost: the quickstart needs none, doctor and the pull that fails name
 * it, and the way out of docs/registry.md works, with the settings and the file that stand there.
 */
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { dockerfile, installAction } from './support/actions.ts'
import { installCli } from './support/cli.ts'
import { removeDeployments } from './support/deployment.ts'
import { diagnose, failed } from './support/doctor.ts'
import { FOLLOW_MS_MAX, root } from './support/documentation.ts'
import { useRunnerPod } from './support/harness.ts'
import { runContainerStep } from './support/hook.ts'
import { canBuild, canBuildInPlace, IMAGES, REGISTRY_HOST } from './support/images.ts'
import { errorsOf } from './support/leftovers.ts'
import { certsDirectories, hasTwoNodes, setProxyMode } from './support/nodes.ts'
import { followQuickstart, makeClone, removeClone } from './support/quickstart.ts'

const HEADING = '### Where node ports do not answer on localhost'
const PULL_HOST = '10.99.0.1:30500'

/** The first block of a kind below the heading. */
async function blockOf(kind: string): Promise<string> {
  const page = await readFile(new URL('docs/registry.md', root), 'utf8')
  const [, section = ''] = page.split(HEADING)
  const [, block] = new RegExp(`\`\`\`${kind}\\n([^]*?)\`\`\``).exec(section) ?? []
  if (block === undefined) throw new Error(`docs/registry.md has no ${kind} below '${HEADING}'`)
  return block
}

/** The settings of the page, for the registry of the tests. */
async function settingsOfPage(): Promise<Record<string, string | undefined>> {
  const variables: { name: string; value: string }[] = parse(await blockOf('yaml'))
  return {
    ...Object.fromEntries(variables.map(({ name, value }) => [name, value])),
    ACTIONS_RUNNER_CONTAINER_HOOKS_REGISTRY_HOST: REGISTRY_HOST,
    ACTIONS_RUNNER_CONTAINER_HOOKS_REGISTRY_NODE_PORT: undefined
  }
}

const directories = () => certsDirectories().map((directory) => `${directory}/${PULL_HOST}`)
const canRun = (await canBuild()) && (await canBuildInPlace()) && (await hasTwoNodes('kube-proxy in nftables mode'))

describe.skipIf(!canRun)('kube-proxy in nftables mode', () => {
  const runner = useRunnerPod('copy')
  let action: { readonly dockerfile: string }
  beforeAll(async () => {
    await installCli(runner())
    const text = dockerfile(IMAGES.busyboxBase, 'ENTRYPOINT ["echo", "it ran"]')
    action = { dockerfile: `${await installAction(runner(), 'says', { Dockerfile: text })}/Dockerfile` }
    await setProxyMode('nftables')
  })
  afterAll(async () => {
    await setProxyMode('iptables')
    for (const directory of directories()) await rm(directory, { recursive: true, force: true })
  })

  it('is no matter to docs/quickstart.md, which needs no registry', { timeout: FOLLOW_MS_MAX }, async () => {
    await removeDeployments()
    const clone = await makeClone()
    try {
      await followQuickstart(clone)
    } finally {
      await removeDeployments()
      await removeClone(clone)
    }
  })

  it('is named by doctor, with the way out', async () => {
    const { checks } = await diagnose(runner())
    expect(failed(checks).map(({ name }) => name)).toEqual(['Pull'])
    const [pull] = failed(checks)
    expect(pull?.why).toMatch(/nothing answers on localhost:30500 of the node, .*nftables mode/)
    expect(pull?.fix).toMatch(/^curl \S+10249\/proxyMode .*nftables/m)
    expect(pull?.fix).toMatch(/_REGISTRY_PULL_HOST=NODE_ADDRESS:NODE_PORT .*hosts\.toml/)
  })

  it('is named by the pull that fails, in one line', async () => {
    const step = await runContainerStep(runner(), action)
    expect(step.exitCode).toBe(1)
    expect(errorsOf(step)).toEqual([
      expect.stringMatching(
        /nothing answers on localhost:30500 of the node, .*nftables mode: use \w+_REGISTRY_PULL_HOST/
      )
    ])
  })

  it('has a way out: a pull host that nodes reach, with a hosts.toml on each', async () => {
    for (const directory of directories()) {
      await mkdir(directory, { recursive: true })
      await writeFile(`${directory}/hosts.toml`, await blockOf('toml'))
    }
    const env = await settingsOfPage()
    const step = await runContainerStep(runner(), action, { env })
    expect([step.exitCode, errorsOf(step)], step.stdout).toEqual([0, []])
    expect(step.lines.map(({ text }) => text)).toContain('it ran')
    expect(failed((await diagnose(runner(), env)).checks)).toEqual([])
  })
})
