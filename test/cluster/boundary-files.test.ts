/** What a container action leaves, on the disk that its files go back to: as docker's bind mounts would, and nothing beyond. */
import { describe, expect, it } from 'vitest'
import { attack, type Boundary, complaintsOf, OUTSIDE, PLACES, useBoundary, VICTIM } from './support/boundary.ts'
import { runContainerStep } from './support/hook.ts'
import { errorsOf } from './support/leftovers.ts'
import { mustExec, TEMP, WORK } from './support/runner-pod.ts'

/** Of somebody else, from the directory of the workspace: the same in every pod. */
const VICTIM_FROM_WORKSPACE = '../../_actions/owner/victim/v1'
/** Where the containers have the work directory that files are moved through. */
const VICTIM_OF_FILES = '/work/_actions/owner/victim/v1'
const TARGETS = [OUTSIDE, VICTIM, VICTIM_FROM_WORKSPACE, VICTIM_OF_FILES]
/** In which order a directory is read, nobody knows. */
const PAIRS = 20
const DONE = 'attacked'
const each = (script: string) => `n=0; while [ $n -lt ${PAIRS} ]; do n=$((n+1)); ${script}; done`
/** Makes one of four targets `$1`, by the number of the pair. */
const target = (targets: readonly string[]) => `set -- ${targets.join(' ')}; shift $((n%4))`

/** Less than twelve attempts and their delays, on a machine that has much else to do. */
const END_MS_MAX = 60_000
const GROWTH_BYTES_MAX = 100 * 1024 * 1024
const python = (program: string) => `python3 -c '${program}'`
const COSTLY = {
  'a sparse file': 'truncate -s 1500M sparse',
  'one file under many names': `head -c 40000000 /dev/zero >one; ${each('ln one $n; ln one $n-')}`,
  'directories 3,000 deep': python('import os; [(os.mkdir("d"), os.chdir("d")) for n in range(3000)]'),
  'a path longer than a path may be': python(
    'import os; [(os.mkdir("d" * 250), os.chdir("d" * 250)) for n in range(20)]; open("f", "w")'
  )
}

describe.each(PLACES)('files of an action, storage mode $mode, $job', ({ mode, job }) => {
  const place = useBoundary({ mode, job })
  const run = async (...commands: readonly string[]) => {
    const step = await runContainerStep(place().pod, attack(...commands, `echo ${DONE}`))
    expect(step.stdout, 'the action has done what it wanted').toContain(DONE)
    return step
  }

  describe('as with docker', () => {
    it('links, modes, times and names come back, and what was removed or moved is so', async () => {
      const first = await run(
        'rm -rf kept; mkdir -p kept/old/deep kept/moved/below; cd kept; echo 1 >old/deep/gone; echo 1 >moved/below/file',
        'echo 1 >renamed; echo 1 >was-file; mkdir was-directory; echo 1 >was-directory/file; ln -s renamed was-link'
      )
      expect(first.exitCode, first.stdout).toBe(0)
      const second = await run(
        'cd kept; rm -r old/deep; mv moved moved-to; mv renamed renamed-to',
        'rm was-file; mkdir was-file; echo 2 >was-file/in; rm -r was-directory; echo 2 >was-directory; rm was-link; echo 2 >was-link',
        'mkdir empty; echo text >plain; chmod 604 plain; echo text >program; chmod 755 program; touch -d @1000000000 plain program',
        'ln -s plain relative; ln -s ../kept/empty to-directory; ln -s /github/workspace/kept/plain absolute; ln -s no/where dangling',
        `ln -s ${WORK}/repo/repo/kept/plain absolute-of-runner; ln -s ${OUTSIDE}/file outside; ln -s ${VICTIM_FROM_WORKSPACE}/x victim`,
        'ln plain hard; echo odd >" a b"; echo odd >-dash; echo odd >"it\'s *"; echo odd >\'back\\slash\''
      )
      expect(second.exitCode, second.stdout).toBe(0)
      expect(complaintsOf(second)).toEqual([])
      expect(await listing(place(), 'kept')).toEqual(KEPT)
      expect(await place().inWorkspace('cat kept/moved-to/below/file kept/was-file/in kept/was-directory')).toBe(
        '1\n2\n2'
      )
      expect(await place().inWorkspace('stat -c %a,%Y kept/plain kept/program')).toBe('604,1000000000\n755,1000000000')
    })

    it('outputs, environment and summary come back when it fails, too', async () => {
      const step = await run(
        'echo a=1 >>$GITHUB_OUTPUT; echo B=2 >>$GITHUB_ENV; echo c >>$GITHUB_STEP_SUMMARY',
        `echo ${DONE}; exit 7`
      )
      expect(step.exitCode, step.stdout).toBe(7)
      const commands = ['GITHUB_OUTPUT', 'GITHUB_ENV', 'GITHUB_STEP_SUMMARY', 'GITHUB_STATE'] as const
      expect(await Promise.all(commands.map(step.fileCommand))).toEqual(['a=1', 'B=2', 'c', ''])
    })
  })

  describe('nothing is written, changed or removed beyond', () => {
    it('by links beside the files that it changes', async () => {
      const step = await run(
        'rm -rf beside; mkdir beside; cd beside',
        each(`${target(deeper(TARGETS))}; echo new >f$n; chmod 777 f$n; ln -s $1/file f$n.slipway-partial`)
      )
      expect(step.exitCode, step.stdout).toBe(0)
      expect(await place().inWorkspace('cat beside/f? beside/f?? | sort | uniq -c')).toMatch(/^ *20 new$/)
      expect(await place().inWorkspace('find beside -type l | wc -l')).toBe('20')
    })

    it('by links beside the file commands', async () => {
      const step = await run(
        `echo a=1 >>$GITHUB_OUTPUT; ln -s ${OUTSIDE}/file $GITHUB_OUTPUT.slipway-partial; cd /github/file_commands`,
        each(`${target(TARGETS)}; echo new >f$n; chmod 777 f$n; ln -s $1/file f$n.slipway-partial`)
      )
      expect(await step.fileCommand('GITHUB_OUTPUT')).toBe('a=1')
    })

    it('by links in the place of directories whose files are gone, also when not all can be brought back at once', async () => {
      const first = await run(
        'rm -rf gone; mkdir gone; cd gone',
        each('mkdir -p d$n/directory; echo 1 >d$n/x; echo 1 >d$n/keep; echo 1 >d$n/directory/index.js')
      )
      expect(first.exitCode, first.stdout).toBe(0)
      // A directory where the old code wrote to made the first attempt fail when the links were there already.
      const failing = `cd ${job === 'with a job container' ? '/github/file_commands' : '.'}; for n in 1 2 3 4 5 6; do echo z >z$n; mkdir z$n.slipway-partial; done`
      await run(`cd gone; ${each(`${target(deeper(TARGETS))}; rm -r d$n; ln -s $1 d$n`)}`, failing)
    })

    it('by directories in the place of links that it left before', async () => {
      const targets = deeper(TARGETS).join(' ')
      const links = await run(
        'rm -rf swap; mkdir swap; cd swap',
        `n=0; for t in ${targets}; do n=$((n+1)); ln -s $t l$n; done`
      )
      expect(links.exitCode, links.stdout).toBe(0)
      const directories = await run(
        'cd swap',
        'for n in 1 2 3 4; do rm l$n; mkdir made; echo evil >made/x; mkdir made/directory; echo evil >made/directory/index.js; chmod -R 777 made; touch -d @1 made made/x; mv made l$n; done'
      )
      expect(directories.exitCode, directories.stdout).toBe(0)
      expect(await place().inWorkspace('find swap -type l; cat swap/l?/x swap/l?/directory/index.js')).toBe(
        Array(8).fill('evil').join('\n')
      )
      const again = await run('cd swap', `n=0; for t in ${targets}; do n=$((n+1)); rm -r l$n; ln -s $t l$n; done`)
      expect(again.exitCode, again.stdout).toBe(0)
      expect(await place().inWorkspace('find swap -type l | wc -l')).toBe('4')
    })

    it('by a link in the place of the home directory, which every user may write to', async () => {
      await run(
        `rm -rf /github/runner_temp/old-home; mv /github/runner_temp/_github_home /github/runner_temp/old-home; ln -s ${OUTSIDE}/directory /github/runner_temp/_github_home`
      )
      await runContainerStep(place().pod, attack('true'))
    })

    it('by a link in the place of the directory of the file commands', async () => {
      const step = await run(
        `rm -rf /github/runner_temp/old; mv /github/runner_temp/_runner_file_commands /github/runner_temp/old; ln -s ${OUTSIDE}/directory /github/runner_temp/_runner_file_commands`
      )
      const isLink = (await place().pod.exec(['test', '-L', `${TEMP}/_runner_file_commands`])).exitCode === 0
      if (isLink) expect(errorsOf(step), step.stdout).toHaveLength(1)
    })
  })

  describe('what costs the action nothing costs the runner nothing, and is over soon', () => {
    const inWorkspace = Object.entries(COSTLY).map(([title, script]) => [title, '/github/workspace', script] as const)
    const everything = ['all of that', '/github/file_commands', Object.values(COSTLY).join('; ')] as const
    const attacks = mode === 'copy' ? [...inWorkspace, everything] : [everything]

    it.each(attacks)('%s in %s', async (_title, directory, script) => {
      const before = await place().usedBytes()
      // Everybody may remove it.
      const step = await run(`umask 0; at=${directory}/costly; rm -rf $at; mkdir $at; cd $at`, script)
      const after = await place().usedBytes()
      await mustExec(place().pod.exec, ['rm', '-rf', `${TEMP}/_runner_file_commands/costly`])
      await place().inWorkspace('rm -rf costly')
      expect(step.durationMs).toBeLessThan(END_MS_MAX)
      expect(after - before).toBeLessThan(GROWTH_BYTES_MAX)
      if (step.exitCode !== 0) expect(errorsOf(step), step.stdout).toHaveLength(1)
    })
  })
})

const deeper = (targets: readonly string[]): string[] =>
  targets.map((target) => (target.startsWith('/') ? target : `../${target}`))

/** Path, kind and, of a link, target of everything below a directory of the workspace. */
async function listing({ inWorkspace }: Boundary, directory: string): Promise<string[]> {
  const text = await inWorkspace(`cd ${directory}; find . -mindepth 1 -printf '%y %P %l\\n'`)
  return text
    .split('\n')
    .map((line) => line.trimEnd())
    .sort()
}

const KEPT = [
  'd empty',
  'd moved-to',
  'd moved-to/below',
  'd old',
  'd was-file',
  ...['f  a b', 'f -dash', 'f back\\slash', 'f hard', "f it's *", 'f moved-to/below/file', 'f plain', 'f program'],
  ...['f renamed-to', 'f was-directory', 'f was-file/in', 'f was-link'],
  'l absolute /github/workspace/kept/plain',
  `l absolute-of-runner ${WORK}/repo/repo/kept/plain`,
  'l dangling no/where',
  `l outside ${OUTSIDE}/file`,
  'l relative plain',
  'l to-directory ../kept/empty',
  `l victim ${VICTIM_FROM_WORKSPACE}/x`
].sort()
