/** Copy mode: the runner's files get into the job container, and what the runner reads comes back, on real shells. */
import { existsSync } from 'node:fs'
import { cp, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { COPY_IN_BYTES_MAX, COPY_OUT_BYTES_MAX } from '../../../../../src/effects/kubernetes/script/files.ts'
import { createScriptHost } from '../../../../../src/effects/kubernetes/script/host.ts'
import { randomHex } from '../../../../../src/effects/system.ts'
import {
  createLocalContainer,
  type LocalContainer,
  randomWord,
  shellsHere
} from '../../../../support/local-container.ts'

const endless = new AbortController().signal
let local: LocalContainer
let runner: string
/** Container paths of the actions that were asked for. */
let copied: string[]
/** Lists of artifacts that were handed on. */
let lists: string[]

beforeEach(async () => {
  copied = []
  lists = []
  runner = await mkdtemp(join(tmpdir(), 'slipway-runner-'))
  await mkdir(join(runner, '_temp', '_runner_file_commands'), { recursive: true })
  await mkdir(join(runner, 'repo', 'repo'), { recursive: true })
})
afterEach(async () => {
  await local.remove()
  await rm(runner, { recursive: true, force: true })
})

const onRunner = (path: string) => readFile(join(runner, path), 'utf8')

interface Options {
  readonly hashFiles?: readonly string[]
  readonly args?: readonly string[]
  readonly env?: Readonly<Record<string, string>>
}

/** Runs `sh script` as the runner asks for it: the script is on the runner's disk. */
async function run(script: string | Uint8Array, { hashFiles = [], args, env }: Options = {}): Promise<number> {
  await writeFile(join(runner, '_temp', 'step.sh'), script)
  const host = createScriptHost({
    variables: async () => ({}),
    container: async () => local.container,
    isCopied: async () => true,
    paths: {
      runnerWorkspace: join(runner, 'repo'),
      runnerTemp: join(runner, '_temp'),
      githubWorkspace: join(runner, 'repo', 'repo')
    },
    hashFiles,
    async copyInAction(path) {
      copied.push(path)
      const from = join(runner, path.slice('/__w/'.length))
      const to = join(local.work, path.slice('/__w/'.length))
      await cp(from, to, { recursive: true })
      await cp(`${from}.completed`, `${to}.completed`)
    },
    async copyOutArtifacts(written) {
      lists.push(...written)
    },
    randomHex
  })
  const request = {
    id: randomWord(),
    entryPoint: 'sh',
    args: args ?? ['/__w/_temp/step.sh'],
    env: env ?? { OUT: '/__w/_temp/_runner_file_commands/set_output_1' },
    prependPath: [],
    workingDirectory: '/__w/repo/repo'
  }
  for (;;) {
    try {
      return (await host.execute(request, endless)).exitCode
    } catch (error) {
      if (!(error as { retryable?: boolean }).retryable) throw error
    }
  }
}

describe.each(shellsHere())('in copy mode, with %s as the shell', (shell) => {
  beforeEach(async () => {
    local = await createLocalContainer(shell)
  })

  test('the script and the file commands are there, and gone after the step', async () => {
    await writeFile(join(runner, '_temp', '_runner_file_commands', 'set_output_1'), '')
    await writeFile(join(runner, '_temp', 'unrelated'), 'x')
    expect(await run('ls /__w/_temp /__w/_temp/_runner_file_commands')).toBe(0)
    expect(local.output()).toContain('step.sh')
    expect(local.output()).toContain('set_output_1')
    expect(local.output()).not.toContain('unrelated')
    expect(existsSync(join(local.work, '_temp', 'step.sh'))).toBe(false)
    expect(await readdir(join(local.work, '_temp', '_runner_file_commands'))).toEqual([])
  })

  test('a file that was there before the step stays there, as the runner has it now', async () => {
    await mkdir(join(local.work, '_temp'), { recursive: true })
    await writeFile(join(local.work, '_temp', 'step.sh'), 'echo old')
    expect(await run('echo new')).toBe(0)
    expect(local.output()).toBe('new\n')
    expect(await readFile(join(local.work, '_temp', 'step.sh'), 'utf8')).toBe('echo new')
  })

  test('a script that is named in the middle of an argument is there, too', async () => {
    expect(await run('echo found', { args: ['-c', '. /__w/_temp/step.sh; exit 4'] })).toBe(4)
    expect(local.output()).toBe('found\n')
  })

  test.each([
    ['every byte but NUL', Buffer.from(Array.from({ length: 255 }, (_, at) => at + 1))],
    ['every byte', Buffer.from(Array.from({ length: 256 }, (_, at) => at))],
    ['quotes, and no newline at its end', Buffer.from(`it's "a" \\ $x \`y\` %s \\n`)],
    ['100,000 bytes', Buffer.from('0123456789'.repeat(10_000))],
    ['nothing', Buffer.alloc(0)]
  ])('a file of %s arrives as it is', async (_title, content) => {
    expect(await run(content, { args: ['-c', 'cat /__w/_temp/step.sh'] })).toBe(0)
    expect(local.outputBytes()).toEqual(content)
  })

  test.each([0, 3])('file commands come back when the script exits with %i', async (code) => {
    await writeFile(join(runner, '_temp', '_runner_file_commands', 'set_output_1'), '')
    expect(await run(`printf 'a=1\\nb<<E\\nx\\nE\\n' >>$OUT; exit ${code}`)).toBe(code)
    expect(await onRunner('_temp/_runner_file_commands/set_output_1')).toBe('a=1\nb<<E\nx\nE\n')
  })

  test('file commands of earlier steps, which the runner has removed, do not come back', async () => {
    const left = join(local.work, '_temp', '_runner_file_commands', 'set_output_0')
    await mkdir(join(local.work, '_temp', '_runner_file_commands'))
    await writeFile(left, 'of an earlier step')
    await writeFile(join(runner, '_temp', '_runner_file_commands', 'set_output_1'), '')
    expect(await run(`echo a=1 >>$OUT; echo b=2 >>/__w/_temp/_runner_file_commands/made_here`)).toBe(0)
    expect(await readdir(join(runner, '_temp', '_runner_file_commands'))).toEqual(['set_output_1'])
    expect(await onRunner('_temp/_runner_file_commands/set_output_1')).toBe('a=1\n')
  })

  test('the file commands of a step that runs at the same time stay as they are', async () => {
    const commands = join(local.work, '_temp', '_runner_file_commands')
    await mkdir(commands)
    await writeFile(join(commands, 'set_output_2'), 'written meanwhile')
    for (const name of ['set_output_1', 'set_output_2']) {
      await writeFile(join(runner, '_temp', '_runner_file_commands', name), '')
    }
    expect(await run('echo a=1 >>$OUT')).toBe(0)
    expect(await readFile(join(commands, 'set_output_2'), 'utf8')).toBe('written meanwhile')
    expect(await onRunner('_temp/_runner_file_commands/set_output_2')).toBe('')
    expect(await onRunner('_temp/_runner_file_commands/set_output_1')).toBe('a=1\n')
  })

  test('a list of artifacts is handed on, once the runner has it, and no other file command is', async () => {
    const env: Record<string, string> = {}
    for (const name of ['artifacts_1', 'artifacts_list_1', 'set_output_1']) {
      await writeFile(join(runner, '_temp', '_runner_file_commands', name), name === 'artifacts_list_1' ? '{}' : '')
      env[name.toUpperCase()] = `/__w/_temp/_runner_file_commands/${name}`
    }
    expect(await run('cat $ARTIFACTS_LIST_1', { env })).toBe(0)
    expect([local.output(), lists]).toEqual(['{}', []])
    expect(await run('for f in $ARTIFACTS_1 $ARTIFACTS_LIST_1 $SET_OUTPUT_1; do echo a >>$f; done', { env })).toBe(0)
    expect(lists).toEqual(['_temp/_runner_file_commands/artifacts_1'])
    expect(await onRunner('_temp/_runner_file_commands/artifacts_1')).toBe('a\n')
  })

  test('an action that is reached by a link is on the runner as what the link leads to, with its scripts', async () => {
    const action = 'name: a\nruns: {using: node20, main: dist/index.js}\n'
    const made = [
      'mkdir -p real/dist node_modules plain && cd real && cat >action.yml',
      'echo 1 >dist/index.js; echo FROM x >Dockerfile; cd ..; /bin/ln -s real act; /bin/ln -s ../real plain/deep; /bin/ln -s real node_modules/act',
      '/bin/ln -s missing dangling; /bin/ln -s . loop; mkdir other; /bin/ln -s ../real/action.yml other/action.yml; /bin/ln -s action.yml real/not-asked-for'
    ]
    expect(await run(`printf %s '${action}' | { ${made.join('; ')}; }`)).toBe(0)
    for (const name of ['real', 'act', 'plain/deep']) {
      expect(await onRunner(`repo/repo/${name}/action.yml`), name).toBe(action)
      expect(await onRunner(`repo/repo/${name}/Dockerfile`), name).toBe('FROM x\n')
      expect(await onRunner(`repo/repo/${name}/dist/index.js`), name).toBe('1\n')
    }
    expect(await onRunner('repo/repo/other/action.yml')).toBe(action)
    expect((await readdir(join(runner, 'repo/repo'))).toSorted()).toEqual(['act', 'other', 'plain', 'real'])
    expect((await readdir(join(runner, 'repo/repo/real'))).toSorted()).toEqual(['Dockerfile', 'action.yml', 'dist'])
    // Changed behind the link, whose own time stays as it is.
    expect(await run('echo "name: b" >real/action.yml')).toBe(0)
    expect(await onRunner('repo/repo/act/action.yml')).toBe('name: b\n')
  })

  test('of ten scripts that end at about the same time, each local action is on the runner afterwards', async () => {
    expect(await run('mkdir a; echo "name: a" >a/action.yml')).toBe(0)
    const names = Array.from({ length: 10 }, (_, at) => `action-${at}`)
    const codes = await Promise.all(
      names.map((name, at) => {
        // Each ends a moment after the one before, while that one's hook may still look for what to copy out.
        return run('', {
          args: ['-c', `mkdir ${name}; sleep 0.${at}; echo "name: ${name}" >${name}/action.yml; exit ${at}`]
        })
      })
    )
    expect(codes).toEqual(names.map((_, at) => at))
    for (const name of names) expect(await onRunner(`repo/repo/${name}/action.yml`)).toBe(`name: ${name}\n`)
  })

  test('without file commands in the environment all of them are there', async () => {
    await writeFile(join(runner, '_temp', '_runner_file_commands', 'add_path_1'), '')
    expect(await run('echo /new >>/__w/_temp/_runner_file_commands/add_path_1', { env: {} })).toBe(0)
    expect(await onRunner('_temp/_runner_file_commands/add_path_1')).toBe('/new\n')
  })

  test('the event, which the runner writes before the first step, is there for all of them', async () => {
    await mkdir(join(runner, '_temp', '_github_workflow'))
    await writeFile(join(runner, '_temp', '_github_workflow', 'event.json'), '{"action":"opened"}')
    const look = 'cat /__w/_temp/_github_workflow/event.json'
    expect(await run(look)).toBe(0)
    // One that is there is the same, and need not be this user's to write.
    const there = join(local.work, '_temp', '_github_workflow', 'event.json')
    expect(await readFile(there, 'utf8')).toBe('{"action":"opened"}')
    await writeFile(there, 'as it was')
    expect(await run(look)).toBe(0)
    expect(local.output()).toBe('{"action":"opened"}as it was')
  })

  test('an action that the runner downloaded after prepare_job is copied in once, and then it runs', async () => {
    const action = join(runner, '_actions', 'owner', 'tool', 'release', 'v1')
    await mkdir(action, { recursive: true })
    await writeFile(join(action, 'main.sh'), 'echo "it runs"')
    await writeFile(`${action}.completed`, '')
    // One that the download is not complete of is the runner's business.
    await mkdir(join(runner, '_actions', 'owner', 'half', 'v1'), { recursive: true })
    const args = ['/__w/_actions/owner/tool/release/v1/main.sh', '/__w/_actions/owner/half/v1/main.sh']
    for (let step = 0; step < 2; step += 1) expect(await run('', { args })).toBe(0)
    expect(local.output()).toBe('it runs\nit runs\n')
    expect(copied).toEqual(['/__w/_actions/owner/tool/release/v1'])
  })

  test('file commands come back once and whole when connections are lost at the end', async () => {
    await writeFile(join(runner, '_temp', '_runner_file_commands', 'set_output_1'), '')
    local.cut([60, 250, 400, 600, 2_000, 20_000, 400_000].map((afterBytes) => ({ afterBytes, killsShell: true })))
    expect(await run('echo run >>/__w/starts; seq 100000 >>$OUT; echo log; exit 3')).toBe(3)
    const expected = Array.from({ length: 100_000 }, (_, at) => `${at + 1}\n`).join('')
    expect((await onRunner('_temp/_runner_file_commands/set_output_1')) === expected).toBe(true)
    expect(local.output()).toBe('log\n')
    expect(await readFile(join(local.work, 'starts'), 'utf8')).toBe('run\n')
    expect(local.connections()).toBeGreaterThan(4)
  })

  test('actions of the repository come to the runner, with the scripts they name and nothing else', async () => {
    const action =
      'runs:\\n  using: node20\\n  main: dist/main.js\\n  post: ../shared/post.js\\n  pre: ../../../../etc/passwd\\n'
    const script = [
      'mkdir -p js/dist docker shared node_modules/x .git',
      `printf '${action}' >js/action.yml`,
      'echo main >js/dist/main.js; echo other >js/dist/other.js; echo post >shared/post.js',
      'echo FROM >docker/Dockerfile; echo FROM >docker/my.dockerfile; echo FROM >docker/Dockerfile.two',
      'echo no >node_modules/x/action.yml; echo no >.git/action.yml; echo no >README.md; echo no >package-lock.json'
    ]
    expect(await run(script.join('\n'))).toBe(0)
    const files = await readdir(join(runner, 'repo', 'repo'), { recursive: true, withFileTypes: true })
    const names = files.filter((file) => file.isFile()).map((file) => join(file.parentPath, file.name))
    expect(names.map((name) => name.slice(join(runner, 'repo', 'repo/').length)).toSorted()).toEqual([
      'docker/Dockerfile',
      'docker/Dockerfile.two',
      'docker/my.dockerfile',
      'js/action.yml',
      'js/dist/main.js',
      'shared/post.js'
    ])
    expect(await onRunner('repo/repo/js/dist/main.js')).toBe('main\n')
  })

  test('only what changed since the last step comes again', async () => {
    await run('echo 1 >Dockerfile; mkdir sub; echo 1 >sub/Dockerfile')
    await writeFile(join(runner, 'repo', 'repo', 'Dockerfile'), 'kept')
    await run('echo 2 >sub/Dockerfile')
    expect(await onRunner('repo/repo/sub/Dockerfile')).toBe('2\n')
    // busybox has no -cnewer, and then everything comes.
    expect(await onRunner('repo/repo/Dockerfile')).toBe(shell === 'busybox' ? '1\n' : 'kept')
  })

  test('files for hashFiles come where they are asked for', async () => {
    await run('echo lock >package-lock.json; echo sum >go.sum; echo no >package.json', {
      hashFiles: ['package-lock.json', '*.sum']
    })
    expect((await readdir(join(runner, 'repo', 'repo'))).toSorted()).toEqual(['go.sum', 'package-lock.json'])
  })

  test('nothing is written through a link of the runner’s disk', async () => {
    const outside = join(runner, 'outside')
    await mkdir(outside)
    await symlink(outside, join(runner, 'repo', 'repo', 'sub'))
    await run('mkdir sub; echo 1 >sub/Dockerfile')
    expect(await readdir(outside)).toEqual([])
    expect(await onRunner('repo/repo/sub/Dockerfile')).toBe('1\n')
  })

  test('what is too large to come back is named, and the step is not failed by it', async () => {
    const megabytes = COPY_OUT_BYTES_MAX / 1_048_576 + 1
    expect(await run(`head -c ${megabytes * 1_048_576} /dev/zero >Dockerfile`)).toBe(0)
    expect(local.output()).toMatch(/^::warning::repo\/repo\/Dockerfile .* 64 MiB\n$/)
    expect(await readdir(join(runner, 'repo', 'repo'))).toEqual([])
  }, 30_000)

  test('a step that needs too much is refused', async () => {
    await writeFile(join(runner, '_temp', '_runner_file_commands', 'set_output_1'), Buffer.alloc(COPY_IN_BYTES_MAX + 1))
    await expect(run('echo ran')).rejects.toMatchObject({ code: 'not-supported' })
    expect(local.output()).toBe('')
  })
})

test('a file that cannot be written in the container is named', async () => {
  local = await createLocalContainer('bash', { lacks: ['base64'] })
  await expect(run(Buffer.from('a\0b'))).rejects.toMatchObject({
    code: 'start-failed',
    message: expect.stringContaining('/__w/_temp/step.sh')
  })
  expect(await readdir(join(local.work, '_temp'))).toEqual(['step.sh'])
})
