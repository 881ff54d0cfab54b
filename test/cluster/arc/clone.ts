/** A clone in which docs/install.md can be followed here: this node's image and settings in the values, the rest as it is. */
import { appendFile, cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { containerHere, readValues } from '../support/arc.ts'
import { makeOverlays } from '../support/deployment.ts'
import { blocksOf, follow, isOurs, root } from '../support/documentation.ts'
import { ARC_CHARTS, IMAGES } from '../support/images.ts'
import type { Finished } from '../support/process.ts'
import { GITHUB, RUNNERS, STORAGE_CLASS } from './objects.ts'

const MIN_RUNNERS = 1
const MAX_RUNNERS = 8

export interface Clone {
  /** Runs the commands of sections of a page, after `change` of each block. */
  follow(page: string, headings: readonly string[], options?: FollowOptions): Promise<Finished>
  /** Another version of the hook, as a pull and a build bring it. */
  newHook(): Promise<void>
  remove(): Promise<void>
}

export interface FollowOptions {
  readonly variables?: Readonly<Record<string, string>>
  readonly change?: (block: string) => string
}

export async function createClone(): Promise<Clone> {
  const directory = await mkdtemp(join(tmpdir(), 'slipway-arc-'))
  const overlays = await makeOverlays(RUNNERS)
  await cp(fileURLToPath(new URL('dist', root)), join(directory, 'dist'), { recursive: true })
  await cp(fileURLToPath(new URL('deploy/arc', root)), join(directory, 'deploy/arc'), { recursive: true })
  const { template, ...values } = await readValues(new URL('deploy/arc/values.yaml', root))
  const containers = template.spec.containers.map((one) => containerHere(one, IMAGES.arcRunner))
  const here = { ...values, template: { ...template, spec: { ...template.spec, containers } } }
  await mkdir(join(directory, 'deploy/arc'), { recursive: true })
  await writeFile(join(directory, 'deploy/arc/values.yaml'), JSON.stringify(here))
  await writeFile(join(directory, 'your-values.yaml'), JSON.stringify(YOUR_VALUES))
  const usual = { DEPLOY: overlays, NAMESPACE: RUNNERS, CHARTS: ARC_CHARTS }
  return {
    async follow(page, headings, { variables = {}, change = same } = {}) {
      const blocks = (await blocksOf(page, ...headings)).filter(isOurs)
      return await follow(blocks.map(change), { ...usual, ...variables }, directory)
    },
    newHook: () => appendFile(join(directory, 'dist/index.js'), '\n// A new version.\n'),
    async remove() {
      await rm(directory, { recursive: true, force: true })
      await rm(overlays, { recursive: true, force: true })
    }
  }
}

const same = (block: string): string => block

/** What the page asks for, and the storage class that this cluster has. */
const YOUR_VALUES = {
  githubConfigUrl: `${GITHUB}/org/repo`,
  githubConfigSecret: { github_token: 'for-nobody' },
  minRunners: MIN_RUNNERS,
  maxRunners: MAX_RUNNERS,
  containerMode: { kubernetesModeWorkVolumeClaim: { storageClassName: STORAGE_CLASS } }
}
