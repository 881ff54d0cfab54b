/** What of the runner's disk gets into a build, and into its log: the context that docker would send, and nothing beyond. */
import { describe, expect, it } from 'vitest'
import { dockerfile } from './support/actions.ts'
import { expectRefused, OUTSIDE, SECRET, useBoundary, VICTIM } from './support/boundary.ts'
import { runContainerStep, startContainerStep } from './support/hook.ts'
import { canBuild, IMAGES } from './support/images.ts'
import type { Finished } from './support/process.ts'
import { HOME, mustExec, STORAGE_MODES, type Tree, WORK, WORKSPACE } from './support/runner-pod.ts'
import { runScript } from './support/script.ts'

const ACTIONS = `${WORK}/_actions/owner`
/** An action that shows the whole of its context, links followed. */
const SHOWS_ALL = dockerfile(
  IMAGES.busyboxBase,
  'COPY . /context/',
  'RUN find /context | sort; find /context -type f -o -type l | xargs cat || true',
  'ENTRYPOINT ["echo", "ran"]'
)
/** On the runner's own disk. */
const CONTEXTS = `${HOME}/contexts`
const LINK_TO_FILE = `ln -sfn ${OUTSIDE}/file`
const [SIGINT_MS_MAX, STEP_MS_MAX] = [7_000, 45_000]

describe.skipIf(!(await canBuild())).each(STORAGE_MODES)('a build context, storage mode %s', (mode) => {
  const place = useBoundary({ mode, job: 'without a job container' })

  /** Writes an action and changes it by a script in its directory. */
  async function install(name: string, tree: Tree, script = ':'): Promise<string> {
    const directory = `${ACTIONS}/${name}/v1`
    await mustExec(place().pod.exec, ['rm', '-rf', `${ACTIONS}/${name}`])
    await place().pod.write(directory, tree)
    await mustExec(place().pod.exec, ['sh', '-ec', `cd ${directory}; ${script}`])
    return `${directory}/Dockerfile`
  }

  it.each([
    ['.dockerignore', `${LINK_TO_FILE} .dockerignore`],
    ['Dockerfile.dockerignore', `${LINK_TO_FILE} Dockerfile.dockerignore`],
    ['Dockerfile', `${LINK_TO_FILE} Dockerfile`],
    ['.dockerignore of somebody else', `ln -s ../../victim/v1/file .dockerignore`],
    ['file or directory in it', `${LINK_TO_FILE} led; ln -s ${VICTIM}/x also; ln -s ${OUTSIDE} directory`]
  ])('shows nothing of what its %s leads to', async (title, script) => {
    const path = await install('leads', { Dockerfile: SHOWS_ALL, 'plain.txt': 'plain text' }, script)
    const step = await runContainerStep(place().pod, { dockerfile: path })
    expect(step.stdout).not.toContain(SECRET)
    expect(step.stderr).not.toContain(SECRET)
    if (title !== 'file or directory in it') return
    expect(step.exitCode, step.stdout).toBe(0)
    expect(step.stdout).toContain('plain text')
  })

  it('is not held up by a pipe in the place of .dockerignore', async () => {
    const path = await install('pipe', { Dockerfile: SHOWS_ALL }, 'mkfifo .dockerignore')
    const run = await startContainerStep(place().pod, { dockerfile: path })
    if ((await endedWithin(STEP_MS_MAX, run.finished)) !== undefined) return
    await run.signal('KILL')
    expect.fail('it was held up')
  })

  it.each([
    ['an absolute path', `${CONTEXTS}/context/Dockerfile`],
    ['a path with ..', `${ACTIONS}/../../../contexts/context/Dockerfile`],
    ['a path through a link', `${ACTIONS}/linked/context/Dockerfile`],
    ['a directory that is a link', `${ACTIONS}/linked/linked/Dockerfile`]
  ])('beyond the work directory is refused in one line, by %s', async (_title, path) => {
    const { pod } = place()
    await pod.write(CONTEXTS, { 'context/Dockerfile': SHOWS_ALL, 'context/file': SECRET })
    const links = `ln -sfn context ${CONTEXTS}/linked; ln -sfn ${CONTEXTS} ${ACTIONS}/linked`
    await mustExec(pod.exec, ['sh', '-ec', links])
    const step = await runContainerStep(pod, { dockerfile: path })
    expect(step.stdout).not.toContain(SECRET)
    expectRefused(step)
    expect(step.stdout).not.toContain('Build Dockerfile')
  })

  it('may be in a directory of the work directory that a link leads to', async () => {
    await install('real', { Dockerfile: SHOWS_ALL, 'plain.txt': 'plain text' }, `ln -sfn real ${ACTIONS}/also`)
    const step = await runContainerStep(place().pod, { dockerfile: `${ACTIONS}/also/v1/Dockerfile` })
    expect(step.exitCode, step.stdout).toBe(0)
    expect(step.stdout).toContain('plain text')
  })

  it('with patterns that could be tried in very many ways is listed soon', async () => {
    const pattern = `${'*a'.repeat(10)}*b`
    const path = await install('patterns', {
      Dockerfile: SHOWS_ALL,
      '.dockerignore': `${pattern}\n${'**/a'.repeat(10)}b\n`,
      ['a'.repeat(60)]: 'plain text',
      [`${'a/'.repeat(30)}a`]: 'text'
    })
    const run = await startContainerStep(place().pod, { dockerfile: path })
    const step = await endedWithin(STEP_MS_MAX, run.finished)
    if (step === undefined) await run.signal('KILL')
    expect(step, 'the step has ended').toBeDefined()
    expect(step?.exitCode, step?.stdout).toBe(0)
    expect(step?.stdout).toContain('plain text')
  })

  it('whose listing takes long is left within 7 s of SIGINT', async () => {
    const patterns = Array.from({ length: 500 }, (_, n) => `${'*a'.repeat(10)}*${n}b`).join('\n')
    const path = await install(
      'long',
      { Dockerfile: SHOWS_ALL, '.dockerignore': patterns },
      `n=0; while [ $n -lt 2000 ]; do n=$((n+1)); : >${'a'.repeat(60)}$n; done`
    )
    const run = await startContainerStep(place().pod, { dockerfile: path })
    await run.line(/^Resolve/)
    await new Promise((resolve) => setTimeout(resolve, 500))
    await run.signal('INT')
    const step = await endedWithin(SIGINT_MS_MAX, run.finished)
    if (step === undefined) await run.signal('KILL')
    await run.finished
    expect(step, 'the step has ended').toBeDefined()
  })
})

describe.skipIf(!(await canBuild()))('a local action of a job with a job container, storage mode copy', () => {
  const place = useBoundary({ mode: 'copy', job: 'with a job container' })
  const script = async (...commands: readonly string[]) => {
    const run = await runScript(place().pod, { run: commands.join('\n') })
    expect(run.exitCode, run.stdout).toBe(0)
  }
  const build = (name: string): Promise<Finished> =>
    runContainerStep(place().pod, { dockerfile: `${WORKSPACE}/${name}/Dockerfile` })
  /** Makes the action in the job container, and stays in its directory. */
  const write = (name: string): readonly string[] => [
    `rm -rf ${name}; mkdir ${name}; cd ${name}`,
    `cat >Dockerfile <<'END'\n${SHOWS_ALL}END`,
    'echo "runs: {using: docker, image: Dockerfile}" >action.yml'
  ]

  it('shows nothing of the runner by links in it', async () => {
    await script(...write('shows'), `${LINK_TO_FILE} .dockerignore; ${LINK_TO_FILE} led; ln -s ${OUTSIDE} directory`)
    expect((await build('shows')).stdout).not.toContain(SECRET)
  })

  it('changes nothing of the runner by links in it, and by scripts that replace them', async () => {
    const links = [
      ...['action.yml', 'Dockerfile'].map((name) => `${LINK_TO_FILE} ${name}.slipway-partial`),
      `for n in 1 2 3 4 5 6 7 8 9; do echo a >f$n; ${LINK_TO_FILE} f$n.slipway-partial; done`,
      `ln -s ${OUTSIDE}/directory directory`
    ]
    await script(...write('changes'), ...links)
    await build('changes')
    const replace = [
      'cd changes; echo "runs: {using: node20, main: directory/index.js}" >action.yml',
      'rm directory; mkdir directory; echo evil >directory/index.js'
    ]
    await script(...replace)
    expect(await place().pod.read(`${WORKSPACE}/changes/directory/index.js`)).toBe('evil')
  })

  it('is not built from where its directory leads to when it has become a link', async () => {
    const { pod } = place()
    await pod.write(`${HOME}/externals`, { Dockerfile: SHOWS_ALL })
    await script(...write('becomes'))
    await script('rm -r becomes', `ln -s ${HOME}/externals becomes`)
    const step = await build('becomes')
    await mustExec(pod.exec, ['rm', `${HOME}/externals/Dockerfile`])
    expectRefused(step)
    expect(step.stdout).not.toContain('Build Dockerfile')
  })
})

/** Undefined when it takes longer. */
const endedWithin = (ms: number, finished: Promise<Finished>): Promise<Finished | undefined> =>
  Promise.race([finished, new Promise<undefined>((resolve) => setTimeout(resolve, ms, undefined))])
