/** What the pages of documentation say in machine-readable places (links, headings, tables, code), for the docs test. */
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { posix } from 'node:path'

export interface Page {
  /** Relative to the root of the project, with `/`. */
  readonly path: string
  readonly text: string
}

/** Not ours to check: installed, built, or kept by git. */
const SKIPPED = new Set(['node_modules', 'dist', '.git'])

/** Every Markdown file below a directory. */
export function readPages(root: URL): readonly Page[] {
  const visit = (directory: string): readonly Page[] =>
    readdirSync(new URL(directory, root), { withFileTypes: true }).flatMap((entry) => {
      const path = posix.join(directory, entry.name)
      if (entry.isDirectory()) return SKIPPED.has(entry.name) ? [] : visit(`${path}/`)
      return path.endsWith('.md') ? [{ path, text: readFileSync(new URL(path, root), 'utf8') }] : []
    })
  return visit('./')
}

/** A page without its fenced blocks, where brackets and hashes mean something else. */
const prose = (text: string): string => text.replace(/^```[\s\S]*?^```$/gm, '')

const withoutCode = (text: string): string => prose(text).replace(/`[^`\n]*`/g, '')

/** Targets of all links, `page.md#heading`, those to other sites left out. */
export const linksOf = ({ text }: Page): readonly string[] =>
  [...withoutCode(text).matchAll(/\]\(([^)\s]+)\)/g)]
    .map(([, target = '']) => target)
    .filter((target) => !/^[a-z]+:/.test(target))

/** What stands in backticks within a line. */
export const codeOf = ({ text }: Page): readonly string[] =>
  [...prose(text).matchAll(/`([^`\n]+)`/g)].map(([, code = '']) => code)

/** Text of the headings of a level. */
export const headingsOf = ({ text }: Page, level: number): readonly string[] =>
  [...prose(text).matchAll(new RegExp(`^#{${level}} (.+)$`, 'gm'))].map(([, heading = '']) => heading)

/** The part of a page below one heading, up to the next one of its level or above. */
export function sectionOf({ text }: Page, heading: string): string {
  const lines = text.split('\n')
  const start = lines.findIndex((line) => line.replace(/^#+ /, '') === heading && line.startsWith('#'))
  if (start < 0) return ''
  const level = /^#+/.exec(lines[start] ?? '')?.[0].length ?? 0
  const rest = lines.slice(start + 1)
  const end = rest.findIndex((line) => /^#+ /.test(line) && line.indexOf(' ') <= level)
  return rest.slice(0, end < 0 ? rest.length : end).join('\n')
}

/** Cells of the rows of every table in a text, without heads and without the space around them. */
export const rowsOf = (text: string): readonly (readonly string[])[] =>
  [...text.matchAll(/^\|(?: *:?-+:? *\|)+\n((?:\|.*\|\n?)*)/gm)].flatMap(([, body = '']) =>
    body
      .trim()
      .split('\n')
      .filter((line) => line !== '')
      .map((line) =>
        line
          .slice(1, -1)
          .split(/(?<!\\)\|/)
          .map((cell) => cell.trim())
      )
  )

/** The anchor that GitHub makes of a heading. */
const anchorOf = (heading: string): string =>
  heading
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\s_-]/gu, '')
    .replace(/\s/g, '-')

const anchorsOf = (text: string): readonly string[] =>
  [...prose(text).matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) => anchorOf(heading))

/** `page: target` for every link of a page that leads nowhere. */
export function brokenLinks(root: URL, page: Page): readonly string[] {
  return linksOf(page)
    .filter((target) => {
      const [path = '', anchor] = target.split('#')
      const file = path === '' ? page.path : posix.join(posix.dirname(page.path), path)
      const url = new URL(file, root)
      if (path === '') return !anchorsOf(page.text).includes(anchor ?? '')
      if (!existsSync(url)) return true
      if (anchor === undefined) return false
      return statSync(url).isDirectory() || !anchorsOf(readFileSync(url, 'utf8')).includes(anchor)
    })
    .map((target) => `${page.path}: ${target}`)
}

const PROJECT_PATH = /^(?:src|test|scripts|docs|examples|deploy|\.ci)\/[\w./-]+$/

/** `page: path` for every file of this project that a page names in backticks and that is not there. */
export const missingPaths = (root: URL, page: Page): readonly string[] =>
  codeOf(page)
    .filter((code) => PROJECT_PATH.test(code) && !existsSync(new URL(code, root)))
    .map((code) => `${page.path}: ${code}`)
