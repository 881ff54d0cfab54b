/** What the instructions of a stage leave where, as far as their text says it: for what COPY finds there. */
import { posix } from 'node:path'
import type { Instruction } from './parse.ts'
import { listOf } from './words.ts'

const COMMANDS = /\b(chown|chmod|mkdir|mkfifo|ln|install|useradd|adduser)\s+([^&|;\n]+)/g
const IS_ROOT = /^(?:root|0)?(?::|$)/
/** Directories of distributions that are nobody's but root's, and mostly there. */
const SYSTEM =
  /^\/(?:bin|boot|etc|home|lib|lib64|media|mnt|opt|root|run|sbin|srv|tmp|usr|var|usr\/(?:bin|lib|libexec|sbin|share|src|local)|usr\/local\/(?:bin|etc|lib|sbin|share|src)|var\/(?:cache|lib|log|opt|run|spool|tmp))$/
/** Directories of distributions that are somebody's. */
const OTHERS = /^\/(?:home\/[^/]+|var\/(?:local|mail)|var\/spool\/mail)$/
/** Directories of distributions with another mode than most. */
export const UNUSUAL_MODE =
  /^\/(?:root|tmp|run\/lock|var\/(?:local|lock|mail|tmp)|home\/[^/]+|etc\/(?:sudoers\.d|ssl\/private))$/

export class Places {
  directory = '/'
  /** Whether the text says where relative paths begin. */
  isKnown = false
  /** As the last USER has it; undefined where none does. */
  user: string | undefined
  private readonly owners = new Map<string, string>()
  private readonly trees = new Map<string, string>()
  private readonly made = new Set<string>()
  /** Where archives may have been unpacked, with owners of their own. */
  private readonly unpacked = new Set<string>()
  private readonly modes = new Set<string>()
  private readonly links = new Set<string>()
  private readonly hardLinks = new Set<string>()
  /** With more than permissions in their mode. */
  private readonly special = new Set<string>()
  private readonly ownedLinks = new Set<string>()
  private readonly files = new Set<string>()
  /** By their names only: who makes them may be elsewhere. */
  private readonly pipes = new Set<string>()

  take(instruction: Instruction, read: (word: string) => string): void {
    const { name, rest } = instruction
    if (name === 'USER') this.user = read(rest)
    if (name === 'WORKDIR') {
      const path = read(rest)
      this.isKnown ||= path.startsWith('/')
      this.directory = this.at(path)
      this.made.add(this.directory)
      if (!this.isRoot()) this.owners.set(this.directory, this.user ?? '')
    }
    if (name === 'ADD') this.unpacked.add(this.at(read(listOf(instruction).at(-1) ?? '')))
    if (name === 'RUN') this.run(commandOf(instruction), read)
  }

  isRoot(): boolean {
    return IS_ROOT.test(this.user ?? '')
  }

  private run(text: string, read: (word: string) => string): void {
    for (const [, path = ''] of text.matchAll(/(?:>|\btouch\b)\s*([\w./-]+)/g)) this.files.add(this.at(read(path)))
    for (const [, program = '', written = ''] of text.matchAll(COMMANDS)) {
      const words = written
        .split(/["'\s\],]+/)
        .filter((word) => word !== '')
        .map(read)
      const options = words.filter((word) => word.startsWith('-'))
      const others = words.filter((word) => !word.startsWith('-'))
      if (program === 'useradd' || program === 'adduser') this.home(others)
      else if (program === 'ln') this.linked(others, options)
      else if (program === 'mkfifo') for (const path of others) this.pipes.add(posix.basename(path))
      else if (program === 'chown') this.given(others, options)
      else this.changed(program, others, options)
    }
  }

  private home(words: readonly string[]): void {
    const name = words.at(-1) ?? ''
    for (const path of [`/home/${name}`, ...words.filter((word) => word.startsWith('/'))]) this.owners.set(path, name)
  }

  private linked(words: readonly string[], options: readonly string[]): void {
    const [target = '', name = '.'] = [words[0], words.length > 1 ? words.at(-1) : '.']
    const inside = posix.join(this.at(name), posix.basename(target))
    const names = [/(?:\/|^\.)$/.test(name) || this.made.has(this.at(name)) ? inside : this.at(name)]
    const isHard = !options.some((word) => /^-[^-]*s|^--symbolic/.test(word))
    for (const each of isHard ? [...names, this.at(target)] : names) this.links.add(each)
    if (isHard) for (const each of [...names, this.at(target)]) this.hardLinks.add(each)
  }

  private given([owner = '', ...paths]: readonly string[], options: readonly string[]): void {
    const isTree = options.some((word) => /^-[^-]*R|^--recursive/.test(word))
    if (options.includes('-h')) for (const path of paths) this.ownedLinks.add(this.at(path))
    for (const path of paths) {
      // Root's own is what COPY takes it for.
      if (IS_ROOT.test(owner)) this.owners.delete(this.at(path))
      else (isTree ? this.trees : this.owners).set(this.at(path), owner)
    }
  }

  private changed(program: string, words: readonly string[], options: readonly string[]): void {
    const hasMode = program !== 'mkdir' || options.some((word) => /^-[^-]*m|^--mode/.test(word))
    const isSpecial = [...words, ...options].some((word) => /(?:^|=|m)0?[2-7]\d{3}$|^[ugoa]*[+=]\w*[st]/.test(word))
    const isDirectory = program === 'mkdir' || (program === 'install' && options.some((word) => /^-[^-]*d/.test(word)))
    for (const path of words) {
      if (hasMode && isSpecial) this.special.add(this.at(path))
      if (hasMode) this.modes.add(this.at(path))
      if (isDirectory) this.made.add(this.at(path))
      if (program === 'mkdir' && !this.isRoot()) this.owners.set(this.at(path), this.user ?? '')
    }
  }

  /** Whose it is, where that is not root; undefined for what is root's, or not there as far as is known. */
  ownerOf(path: string): string | undefined {
    const at = this.at(path)
    const tree = [...this.trees].find(([of]) => `${at}/`.startsWith(`${of}/`))
    return this.owners.get(at) ?? tree?.[1] ?? (OTHERS.test(at) ? '' : undefined)
  }

  isInTree(path: string): boolean {
    return [...this.trees.keys()].some((tree) => `${this.at(path)}/`.startsWith(`${tree}/`))
  }

  /** What may be a file, a COPY keeps. */
  isDirectoryOfOthers(path: string): boolean {
    const at = this.at(path)
    if ([...this.unpacked].some((each) => isBelow(at, each))) return true
    return this.trees.has(at) || ((this.made.has(at) || OTHERS.test(at)) && this.ownerOf(at) !== undefined)
  }

  /** Whether it is most likely there. */
  isThere(path: string): boolean {
    const at = this.at(path)
    const isRelative = !(path.startsWith('/') || this.isKnown)
    return isRelative || SYSTEM.test(at) || OTHERS.test(at) || this.made.has(at) || this.ownerOf(at) !== undefined
  }

  hasMode(path: string): boolean {
    return this.modes.has(this.at(path)) || UNUSUAL_MODE.test(this.at(path))
  }

  isLink(path: string): boolean {
    return this.links.has(this.at(path))
  }

  isSoftLink(path: string): boolean {
    return this.isLink(path) && !this.isHardLink(path)
  }

  hasHardLinks(path: string): boolean {
    return [...this.hardLinks].filter((each) => isBelow(each, this.at(path))).length > 1
  }

  hasPipe(_path: string): boolean {
    return this.pipes.size > 0
  }

  /** Whether something in a directory has a mode with more than permissions, or is a link of somebody's. */
  hasSpecial(path: string): boolean {
    return [...this.special, ...this.ownedLinks].some((each) => isBelow(each, this.at(path)))
  }

  hasLinkBelow(path: string): boolean {
    return [...this.links].some((each) => isBelow(each, this.at(path)))
  }

  /** Whether what is made there gets its group. */
  isSpecial(path: string): boolean {
    return this.special.has(this.at(path)) || /^\/var\/(?:local|mail)$/.test(this.at(path))
  }

  isDirectory(path: string): boolean {
    return [...this.made].some((each) => each === this.at(path) || isBelow(each, this.at(path)))
  }

  isFile(path: string): boolean {
    return this.files.has(this.at(path)) && !this.made.has(this.at(path))
  }

  isHardLink(path: string): boolean {
    return this.hardLinks.has(this.at(path))
  }

  at(path: string): string {
    return posix.resolve(this.directory, path)
  }
}

const isBelow = (path: string, directory: string): boolean =>
  path !== directory && path.startsWith(directory === '/' ? '/' : `${directory}/`)

const commandOf = ({ rest, heredocs }: Instruction): string =>
  [rest, ...heredocs.map(({ content }) => content)].join(' ')
