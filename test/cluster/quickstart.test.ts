/** docs/quickstart.md, followed command by command from a clone, on the real cluster. */
import { cp, mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { BASE, makeRegistryDirectory, removeDeployments } from './support/deployment.ts'
import { blocksOf, FOLLOW_MS_MAX, follow, root } from './support/documentation.ts'
import { canBuild } from './support/images.ts'
import { kubectl } from './support/kubectl.ts'

const PAGE = 'docs/quickstart.md'
/** The two variables that the page documents; npm need not ask the network for what it has. */
const VARIABLES = {
  DEPLOY: 'test/cluster/overlays',
  BASE,
  npm_config_prefer_offline: 'true'
}

describe.skipIf(!(await canBuild()))('docs/quickstart.md', () => {
  let clone = ''
  // Before each try, so that one that failed in the middle can be repeated.
  beforeEach(async () => {
    await removeDeployments()
    await makeRegistryDirectory()
  })
  beforeAll(async () => {
    clone = await mkdtemp(join(tmpdir(), 'slipway-clone-'))
    const isTracked = (path: string) => !/\/(node_modules|dist|\.git)$/.test(path)
    await cp(fileURLToPath(root), clone, { recursive: true, filter: isTracked })
  })
  afterAll(async () => {
    await removeDeployments()
    await rm(clone, { recursive: true, force: true })
  })

  it('leads from a clone to a Dockerfile action that ran, and leaves nothing', { timeout: FOLLOW_MS_MAX }, async () => {
    for (const name of ['DEPLOY', 'BASE'] as const) expect(await pageText()).toContain(`\`${name}=${VARIABLES[name]}\``)
    const { lines } = await follow(await blocksOf(PAGE), VARIABLES, clone)
    const printed = lines.map(({ text }) => text)
    const rest = afterLinesLike(printed, await shownLog())
    // The step wrote a file and an output.
    expect(rest).toContain('Ahoy, harbour!')
    expect(rest).toContain('greeting=Ahoy, harbour!')
    expect(rest).toContain('No resources found in slipway-quickstart namespace.')
    const { stdout } = await kubectl(['get', 'namespaces', '-o', 'name'])
    expect(stdout).not.toMatch(/slipway-(registry|quickstart)/)
  })
})

const pageText = async () => await readFile(new URL(PAGE, root), 'utf8')

/** The log that the page shows, line by line. */
async function shownLog(): Promise<readonly string[]> {
  const [, log = ''] = /^```text\n([\s\S]*?)^```$/m.exec(await pageText()) ?? []
  expect(log).toContain('Succeeded')
  return log.trimEnd().split('\n')
}

/** What is printed after lines like the shown ones, which come in their order; `…` stands for anything. */
function afterLinesLike(printed: readonly string[], shown: readonly string[]): readonly string[] {
  return shown.reduce((rest, line) => {
    const parts = line.split('…').map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'))
    const at = rest.findIndex((text) => new RegExp(`^${parts.join('.*')}$`).test(text))
    expect(at, `a line like '${line}' in:\n${printed.join('\n')}`).not.toBe(-1)
    return rest.slice(at + 1)
  }, printed)
}
