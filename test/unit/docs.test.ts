/** The documentation against the project: links lead somewhere, and every list that stands in code too is complete. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { posix } from 'node:path'
import { describe, expect, test } from 'vitest'
import { defaultBuilder } from '../../src/effects/builders/catalog.ts'
import { ERROR_CODES, type ErrorCode } from '../../src/errors.ts'
import { readConfig } from '../../src/hooks/settings/config.ts'
import { containerStep } from '../../src/machines/container-step.ts'
import { CLEANUP_BUDGET_MS } from '../../src/machines/stages.ts'
import { commandsPart, settingsPart, withPart } from '../support/generated-docs.ts'
import {
  brokenLinks,
  codeOf,
  headingsOf,
  linksOf,
  missingPaths,
  type Page,
  readPages,
  rowsOf,
  sectionOf
} from '../support/markdown.ts'
import { STAGES_OF } from '../support/stages-of.ts'

const root = new URL('../../', import.meta.url)
const pages = readPages(root)

function page(path: string): Page {
  const found = pages.find((one) => one.path === path)
  if (found === undefined) throw new Error(`there is no page ${path}`)
  return found
}

describe('every page', () => {
  test('is looked at', () => expect(pages.map(({ path }) => path)).toContain('docs/ARCHITECTURE.md'))

  test('has links that lead somewhere', () => expect(pages.flatMap((one) => brokenLinks(root, one))).toEqual([]))

  test('names only files that are there', () => expect(pages.flatMap((one) => missingPaths(root, one))).toEqual([]))

  test('names only npm scripts that there are', () => {
    const { scripts } = JSON.parse(readFileSync(new URL('package.json', root), 'utf8')) as { scripts: object }
    const named = pages.flatMap(({ text }) =>
      [...text.matchAll(/\bnpm run (?:-s )?([\w:]+)/g)].map(([, script = '']) => script)
    )
    expect(named.length).toBeGreaterThan(0)
    expect(named.filter((script) => !Object.hasOwn(scripts, script))).toEqual([])
  })

  test('of docs/ can be reached from README.md', () => {
    const reached = new Set<string>()
    const visit = (path: string) => {
      if (reached.has(path)) return
      reached.add(path)
      const found = pages.find((one) => one.path === path)
      for (const link of found ? linksOf(found) : []) {
        visit(posix.join(posix.dirname(path), link.split('#')[0] || posix.basename(path)))
      }
    }
    visit('README.md')
    const ours = pages.map(({ path }) => path).filter((path) => /^docs\/(adr\/)?[^/]+\.md$/.test(path))
    expect(ours.filter((path) => !reached.has(path))).toEqual([])
  })
})

describe('the check of links', () => {
  const check = (text: string) => brokenLinks(root, { path: 'docs/page.md', text })

  test.each([
    '[no such page](nowhere.md)',
    '[no such heading](errors.md#nowhere)',
    '[no such heading here](#nowhere)',
    '[above the root of the project](../nowhere/)'
  ])('notices %s', (text) => expect(check(text)).toHaveLength(1))

  test.each([
    '[a page](errors.md)',
    '[a heading](errors.md#cancelled)',
    '# Here\n[a heading here](#here)',
    '[another site](https://example.org/nowhere)',
    '`[code](nowhere.md)`',
    '```\n[code](nowhere.md)\n```'
  ])('accepts %j', (text) => expect(check(text)).toEqual([]))
})

test('the check of paths notices a file that is not there, and nothing else', () => {
  const text = '`src/nowhere.ts` `src/errors.ts` `src/*.ts` `https://src/nowhere`'
  expect(missingPaths(root, { path: 'page.md', text })).toEqual(['page.md: src/nowhere.ts'])
})

describe('docs/errors.md', () => {
  const codes = Object.keys(ERROR_CODES) as readonly ErrorCode[]
  const factsOf = (code: ErrorCode): string => {
    const { retryable, exitCode } = ERROR_CODES[code]
    return `Tried again: ${retryable ? 'yes' : 'no'}. Exit code: ${exitCode}.`
  }

  test('has one entry for each code, in the order of the code list', () =>
    expect(headingsOf(page('docs/errors.md'), 3)).toEqual(codes))

  test.each(codes)('says of %s what it is, where it comes from and what to do', (code) => {
    const entry = sectionOf(page('docs/errors.md'), code)
    expect(entry).toContain(factsOf(code))
    expect(entry.match(/^- (\w+): \S/gm)?.map((item) => item.split(':')[0])).toEqual(['- Meaning', '- Cause', '- Fix'])
  })
})

describe('docs/configuration.md', () => {
  /** What a runner always sets; everything else is optional. */
  const minimal: Readonly<Record<string, string>> = {
    ACTIONS_RUNNER_POD_NAME: 'runner',
    RUNNER_WORKSPACE: '/_work/repo',
    RUNNER_TEMP: '/_work/_temp',
    GITHUB_WORKSPACE: '/_work/repo/repo'
  }
  /** Every variable that is asked for, found out by asking. */
  const read = new Set<string>()
  const environment = new Proxy<Record<string, string | undefined>>(
    {},
    {
      get(_target, name) {
        read.add(String(name))
        return minimal[String(name)]
      }
    }
  )
  readConfig(environment)

  test('lists every variable that the hook reads, and no other', () => {
    const rows = rowsOf(sectionOf(page('docs/configuration.md'), 'What the hook reads'))
    expect(read.size).toBeGreaterThan(0)
    expect(rows.map(([name]) => name?.replaceAll('`', '')).sort()).toEqual([...read].sort())
  })

  test('describes them as the table of settings does; npm run golden writes it', async () => {
    const text = withPart(page('docs/configuration.md').text, 'settings', settingsPart())
    await expect(text).toMatchFileSnapshot('../../docs/configuration.md')
  })

  test('is all that is read: nothing else takes a variable out of an environment', () => {
    const readers = readdirSync(new URL('src', root), { recursive: true, encoding: 'utf8' })
      .filter((path) => /\.ts$/.test(path) && path !== 'hooks/settings/config.ts')
      .filter((path) => /\benvironment(\.|\[['"`])[A-Z]/.test(readFileSync(new URL(`src/${path}`, root), 'utf8')))
    expect(readers).toEqual([])
  })

  test('names the image that builds by default', () =>
    expect(codeOf(page('docs/configuration.md'))).toContain(defaultBuilder.defaultImage))

  test('is all there is of our own variables, on every page', () => {
    const named = pages.flatMap(codeOf).filter((code) => /^ACTIONS_RUNNER_CONTAINER_HOOKS_\w+$/.test(code))
    expect(named.filter((name) => !read.has(name))).toEqual([])
  })
})

test('docs/cli.md has the help of every command as it is; npm run golden writes it', async () => {
  const text = withPart(page('docs/cli.md').text, 'commands', commandsPart())
  await expect(text).toMatchFileSnapshot('../../docs/cli.md')
})

test.each(['README.md', 'docs/README.md', 'docs/ARCHITECTURE.md', 'docs/operating.md', 'docs/errors.md'])(
  '%s leads to the tables of all machines',
  (path) => {
    const linked = [...page(path).text.matchAll(/machines\/([\w-]+)\.md/g)].map(([, machine]) => machine)
    expect([...new Set(linked)].sort()).toEqual(Object.keys(STAGES_OF).sort())
  }
)

describe('docs/operating.md', () => {
  const inWords = (ms: number): string => {
    const units = [
      ['d', 86_400_000],
      ['min', 60_000],
      ['s', 1_000]
    ] as const
    const [unit, size] = units.find(([, one]) => ms >= 2 * one) ?? ['s', 1_000]
    return ms === 0 ? '-' : `${ms / size} ${unit}`
  }
  test('says how long cleanup may take after each cancel', () => {
    const [alone, afterFirst, afterSecond] = CLEANUP_BUDGET_MS.map(inWords)
    expect(sectionOf(page('docs/operating.md'), 'Time budgets').replace(/\s+/g, ' ')).toContain(
      `Cleaning up gets ${alone}, ${afterFirst} after the first cancel, ${afterSecond} after the second.`
    )
  })
})

test('docs/security.md says of every threat where its protection is shown, and what is left', () => {
  const rows = rowsOf(sectionOf(page('docs/security.md'), 'Threats'))
  expect(rows.length).toBeGreaterThan(10)
  const isShown = (cell = '') => cell === '-' || /^(`test\/[\w./-]+`(, )?)+$/.test(cell)
  expect(rows.filter((row) => row.length !== 5 || row.includes('') || !isShown(row[3]))).toEqual([])
})

test('docs/differences.md has a part for every order', () => {
  const commands = ['prepare_job', 'run_script_step', 'run_container_step', 'cleanup_job']
  expect(headingsOf(page('docs/differences.md'), 2)).toEqual([...commands, 'All commands'])
  for (const command of commands)
    expect(rowsOf(sectionOf(page('docs/differences.md'), command)).length).toBeGreaterThan(3)
})

test('README.md walks through the states that the container-step machine has', () => {
  const [walk = ''] = /^```text\n[^`]*?resolving[^`]*?^```$/m.exec(page('README.md').text) ?? []
  const named = new Set(walk.match(/[a-z]+(?:[A-Z][a-z]+)*/g))
  expect(Object.keys(containerStep.states).filter((state) => !named.has(state))).toEqual([])
})

describe('the decisions', () => {
  const decisions = pages.filter(({ path }) => /^docs\/adr\/\d{4}-[a-z0-9-]+\.md$/.test(path))

  test('are numbered without a gap', () => {
    const numbers = decisions.map(({ path }) => Number(posix.basename(path).slice(0, 4))).sort((a, b) => a - b)
    expect(numbers).toEqual(numbers.map((_number, index) => index + 1))
    expect(numbers.length).toBeGreaterThan(0)
  })

  test.each(decisions.map((one) => [one.path, one] as const))(
    '%s has context, decision, consequences',
    (_path, one) => {
      expect(headingsOf(one, 2)).toEqual(['Context', 'Decision', 'Consequences'])
    }
  )
})

test('the licence that package.json names is there', () => {
  expect(existsSync(new URL('LICENSE', root))).toBe(true)
  expect(readFileSync(new URL('LICENSE', root), 'utf8')).toContain('MIT License')
})

describe("the page of the shipped hook's suite", () => {
  const cases = rowsOf(page('docs/shipped-suite.md').text)

  test('has all its cases', () => {
    const counts: Record<string, number> = {}
    for (const [file = ''] of cases) counts[file] = (counts[file] ?? 0) + 1
    // As its own runner counts them.
    expect(counts).toEqual({
      'cleanup-job': 3,
      e2e: 1,
      'prepare-job': 15,
      'run-container-step': 3,
      'run-script-step': 6,
      constants: 16,
      'k8s-utils': 22,
      'error-serialization': 11,
      'format-error': 12,
      heartbeat: 16
    })
  })

  test('names tests that there are, and says why where there is none', () => {
    const wrong = cases.filter(([, , file = '', title = '', difference]) => {
      if (file === '-' || title === '-') return difference === '-'
      return !readFileSync(new URL(file.replaceAll('`', ''), root), 'utf8').includes(title)
    })
    expect(wrong).toEqual([])
  })
})
