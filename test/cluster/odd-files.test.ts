/** Whatever a workspace holds, a container action sees it as docker's bind mount would show it, and the others see what it made of it. */
import { describe, expect, it } from 'vitest'
import { dockerfile } from './support/actions.ts'
import { attack, PLACES, useBoundary } from './support/boundary.ts'
import { runContainerStep } from './support/hook.ts'
import { canBuild, IMAGES } from './support/images.ts'
import { errorsOf } from './support/leftovers.ts'
import { mustExec, STORAGE_MODES, WORK, WORKSPACE } from './support/runner-pod.ts'
import { runScript } from './support/script.ts'

/** Less than what attempts and their delays take. */
const AT_ONCE_MS_MAX = 12_000
/** Names as bytes, with kind and link, of what is in the directory `odd`. */
const LIST = 'cd odd; find . -mindepth 1 -printf "%P %y %l\\0" | LC_ALL=C sort -z | od -An -c -v | tr -d " \\n"'
const octal = (name: string) => `"$(printf '${name}')"`

describe.each(PLACES)('a workspace with odd files, storage mode $mode, $job', ({ mode, job }) => {
  const place = useBoundary({ mode, job })
  const hasJob = job === 'with a job container'
  const isCopied = mode === 'copy'
  const run = async (...commands: readonly string[]) => {
    const step = await runContainerStep(place().pod, attack(...commands))
    expect(step.exitCode, step.stdout).toBe(0)
    return step.stdout
  }

  it('keeps names that are not UTF-8, byte for byte, both ways', async () => {
    const made = ['caf\\351.txt', 'gone\\377', 'a\\nb\\351'].map((name) => `echo 1 >${octal(name)}`).join('; ')
    await place().inWorkspace(
      `rm -rf odd; mkdir odd; chmod 777 odd; cd odd; ${made}; mkdir ${octal('d\\351')}; echo 1 >${octal('d\\351/f\\351')}; ln -s ${octal('caf\\351.txt')} link; chmod -R a+rwX .`
    )
    const before = await place().inWorkspace(LIST)
    const seen = await run(
      LIST,
      'echo; echo 2 >$(printf "caf\\351.txt"); rm $(printf "gone\\377"); mv $(printf "d\\351") $(printf "moved\\351")',
      'echo new >$(printf "new\\351"); ln -s $(printf "new\\351") link2',
      'cd ..',
      LIST,
      'echo'
    )
    expect(seen).toContain(`${before}\n`)
    const after = await place().inWorkspace(LIST)
    expect(seen).toContain(`${after}\n`)
    expect(after).toContain('moved351/f351')
    expect(await place().inWorkspace(`cat odd/$(printf 'caf\\351.txt') odd/$(printf 'new\\351')`)).toBe('2\nnew')
  })

  it('is not stopped by devices, pipes and sockets', async () => {
    const socket = `perl -MIO::Socket::UNIX -e 'IO::Socket::UNIX->new(Local => "odd/s", Listen => 1) or die' || true`
    await place().inWorkspace(
      `rm -rf odd; mkdir -p odd/dev; chmod -R 777 odd; mkfifo odd/pipe; echo 1 >odd/file; chmod 666 odd/file; ${socket}`
    )
    // Where the runner is not root, an action is.
    const mknod = 'mknod odd/dev/null c 1 3; mknod "odd/dev/a b" c 1 3'
    if (hasJob && isCopied) await place().inWorkspace(mknod)
    else await run(mknod)
    const seen = await run('ls odd/dev; echo 2 >odd/file; echo new >odd/dev/new')
    if (!isCopied) expect(seen).toContain('null')
    expect(await place().inWorkspace('cat odd/file odd/dev/new; ls odd/pipe')).toBe('2\nnew\nodd/pipe')
    if (hasJob || !isCopied) expect(await place().inWorkspace('[ -c odd/dev/null ]; ls odd/dev')).toContain('null')
    await run('rm -rf odd')
  })

  it('keeps times, holes and second names', async () => {
    await place().inWorkspace(
      'rm -rf odd; mkdir odd; cd odd; truncate -s 64M sparse; echo end >>sparse; echo 1 >one; ln one two; touch -d @1700000000.123456789 one; chmod -R a+rwX .'
    )
    const seen = await run(
      'cd odd; stat -c "time=%.9Y" one; echo "inodes=$(stat -c %i one two | sort -u | wc -l)"',
      'echo "disk=$(du -k sparse | cut -f1)"; stat -c size=%s sparse',
      'truncate -s 32M sparse2; echo 1 >three; ln three four'
    )
    const said = (name: string) => new RegExp(`^${name}=(.*)$`, 'm').exec(seen)?.[1]
    expect(said('time')).toBe('1700000000.123456789')
    expect([said('inodes'), said('size')]).toEqual(['1', String(64 * 1024 * 1024 + 4)])
    expect(Number(said('disk'))).toBeLessThan(1_000)
    const after = await place().inWorkspace('cd odd; du -k sparse2 | cut -f1; stat -c %i three four | sort -u | wc -l')
    expect(Number(after.split('\n')[0])).toBeLessThan(1_000)
    expect(after.split('\n')[1]).toBe('1')
    await place().inWorkspace('rm -rf odd')
  })

  it.skipIf(hasJob)('names at once what only root may read or write, where files are copied', async () => {
    // Docker's way to files of root in the workspace: an action that has made them, or a runner with sudo.
    const { exec } = place().pod
    await mustExec(exec, ['sh', '-c', `cd ${WORKSPACE}; echo secret >key.pem; chmod 000 key.pem`])
    const startedAt = performance.now()
    const step = await runContainerStep(place().pod, attack('cat key.pem'))
    await mustExec(exec, ['sh', '-c', `cd ${WORKSPACE}; rm -f key.pem`])
    if (!isCopied) return expect([step.exitCode, step.stdout]).toEqual([0, expect.stringContaining('secret')])
    expect(performance.now() - startedAt).toBeLessThan(AT_ONCE_MS_MAX)
    expect(errorsOf(step)).toEqual([expect.stringContaining("key.pem' on the runner's disk (EACCES)")])
  })
})

describe.skipIf(!(await canBuild())).each(STORAGE_MODES)('an odd build context, storage mode %s', (mode) => {
  const place = useBoundary({ mode, job: 'with a job container' })
  const BUILT = dockerfile(
    IMAGES.busyboxBase,
    'COPY . /context/',
    'ENTRYPOINT ["sh", "-c", "cd /context; find . | sort | od -An -c | tr -d \' \\\\n\'; cat gen* file || true"]'
  )

  it('is what the job has made of a local action since it was used the last time', async () => {
    const make = `rm -rf act; mkdir -p act; cd act; printf %s '${BUILT.replaceAll("'", `'\\''`)}' >Dockerfile; echo "name: a" >action.yml`
    await script(`${make}; echo 1 >gen1`)
    const first = await runContainerStep(place().pod, { dockerfile: `${WORKSPACE}/act/Dockerfile` })
    expect(first.exitCode, first.stdout).toBe(0)
    expect(first.stdout).toContain('gen1')
    await script('cd act; rm gen1; echo 2 >gen2')
    const second = await runContainerStep(place().pod, { dockerfile: `${WORKSPACE}/act/Dockerfile` })
    expect(second.exitCode, second.stdout).toBe(0)
    expect(second.stdout).toContain('./gen2')
    expect(second.stdout).not.toContain('gen1')
  })

  it('may be reached by a link', async () => {
    const make = `rm -rf real linked; mkdir -p real/sub; ln -s real linked; cd real; printf %s '${BUILT.replaceAll("'", `'\\''`)}' >Dockerfile`
    await script(`${make}; echo "name: a" >action.yml; echo in-real >file`)
    expect(await place().pod.read(`${WORKSPACE}/linked/action.yml`)).toBe('name: a')
    const step = await runContainerStep(place().pod, { dockerfile: `${WORKSPACE}/linked/Dockerfile` })
    expect(step.exitCode, step.stdout).toBe(0)
    expect(step.stdout).toContain('in-real')
  })

  it('may hold names that are not UTF-8, second names and a file with holes', async () => {
    const directory = `${WORK}/_actions/owner/odd/v1`
    await place().pod.write(directory, { Dockerfile: BUILT, file: 'plain' })
    const made = `cd ${directory}; echo 1 >"$(printf 'gen\\351')"; ln file second; truncate -s 20M sparse`
    await mustExec(place().pod.exec, ['sh', '-ec', made])
    const step = await runContainerStep(place().pod, { dockerfile: `${directory}/Dockerfile` })
    expect(step.exitCode, step.stdout).toBe(0)
    expect(step.stdout).toContain('gen351')
    expect(step.stdout).toContain('second')
  })

  it('with a pipe is refused at once, by name', async () => {
    const directory = `${WORK}/_actions/owner/piped/v1`
    await place().pod.write(directory, { Dockerfile: BUILT, file: 'plain' })
    await mustExec(place().pod.exec, ['mkfifo', `${directory}/pipe`])
    const step = await runContainerStep(place().pod, { dockerfile: `${directory}/Dockerfile` })
    expect(errorsOf(step)).toEqual([expect.stringContaining("'pipe' in the build context")])
  })

  async function script(run: string): Promise<void> {
    const { exitCode, stdout } = await runScript(place().pod, { run: `set -e\n${run}\n` })
    expect(exitCode, stdout).toBe(0)
  }
})
