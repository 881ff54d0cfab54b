/** Goal: a Dockerfile is read as BuildKit reads it. Method: its rules one by one, what its parser said of each, and texts that are meant badly. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { DOCKERFILE_BYTES_MAX, parseDockerfile } from '../../../../src/effects/dockerfile/parse.ts'
import { StepError } from '../../../../src/errors.ts'
import { evilText, FUZZ_TIMEOUT_MS, survives } from '../../../support/fuzz.ts'

const read = (...lines: string[]) => parseDockerfile(lines.join('\n')).instructions
const names = (...lines: string[]) => read(...lines).map(({ name, line, endLine }) => `${line}-${endLine} ${name}`)
const only = (...lines: string[]) => {
  const [instruction] = read(...lines)
  if (instruction === undefined) throw new Error('there is no instruction')
  return instruction
}

describe('lines', () => {
  it('leaves out comments and empty lines, also between lines that go on', () => {
    expect(names('# a', '', 'RUN a \\', '  # why', '', '  b', '  # after', 'CMD c')).toEqual(['3-6 RUN', '8-8 CMD'])
    expect(only('RUN a \\', '# why', 'b').rest).toBe('a b')
  })

  it('goes on only after a last backslash that stands alone', () => {
    expect(only('RUN a \\  ', 'b').rest).toBe('a b')
    expect(names('RUN a \\\\', 'CMD b')).toEqual(['1-1 RUN', '2-2 CMD'])
    expect(only('RUN a \\', '\\', 'b').rest).toBe('a b')
  })

  it('says whether the last one goes on', () => {
    expect(parseDockerfile('RUN a \\').isOpen).toBe(true)
    expect(parseDockerfile('RUN a \\\n# b\n').isOpen).toBe(true)
    expect(parseDockerfile('RUN a \\\nb').isOpen).toBe(false)
  })

  it('reads a byte order mark and the ends of lines that Windows writes', () => {
    expect(read('\uFEFFFROM a\r', 'run b \\\r', ' c\r').map(({ name, rest }) => [name, rest])).toEqual([
      ['FROM', 'a'],
      ['RUN', 'b  c']
    ])
  })

  it('tells names as they are written, and in capitals', () => {
    expect(only('EntryPoint ["a"]')).toMatchObject({ name: 'ENTRYPOINT', written: 'EntryPoint', json: ['a'] })
  })
})

describe('directives', () => {
  it('takes another escape, and then a backslash is nothing special', () => {
    const file = parseDockerfile('# syntax=docker/dockerfile:1\n#ESCAPE = `\nRUN a `\n b\nRUN c \\\nCMD d')
    expect(file).toMatchObject({ escapeToken: '`', syntax: 'docker/dockerfile:1' })
    expect(file.instructions.map(({ rest }) => rest)).toEqual(['a  b', 'c \\', 'd'])
  })

  it.each(['# a comment', '', 'FROM a'])('ends them at the first line that is none: %j', (line) => {
    expect(parseDockerfile(`${line}\n# escape=\`\nRUN a`).escapeToken).toBe('\\')
  })

  it.each(['# escape=x\nFROM a', '# escape=`\n# escape=`\nFROM a'])(
    'reads no further than BuildKit does: %j',
    (text) => {
      expect(parseDockerfile(text)).toMatchObject({ isWhole: false, instructions: [] })
    }
  )
})

describe('options and exec forms', () => {
  it('takes options apart from what follows', () => {
    expect(only('COPY --from=a --chown="x y" --link -- --b /c')).toMatchObject({
      flags: ['--from=a', '--chown=x y', '--link'],
      rest: '--b /c'
    })
  })

  it.each([
    ['RUN ["a", "b c"]', ['a', 'b c']],
    ['HEALTHCHECK --timeout=3s CMD ["a"]', ['a']],
    ['COPY --from=x ["a b", "/c"]', ['a b', '/c']],
    ["RUN ['a']", undefined],
    ['RUN [ -e a ]', undefined],
    ['LABEL ["a"]', undefined]
  ])('%s', (line, json) => {
    expect(only(line).json).toEqual(json)
  })

  it('reads no further where an exec form holds what is no text', () => {
    expect(parseDockerfile('FROM a\nRUN ["a", 1]\nCMD b')).toMatchObject({ isWhole: false })
  })
})

describe('heredocs', () => {
  it.each([
    ['RUN <<EOF', { name: 'EOF', expands: true, chomps: false }],
    ["RUN <<'EOF'", { name: 'EOF', expands: false, chomps: false }],
    ['RUN <<"E"OF', { name: 'EOF', expands: false, chomps: false }],
    ['RUN 3<< EOF', { name: 'EOF', expands: true, chomps: false }],
    ['COPY --chmod=755 <<-EOF /a', { name: 'EOF', expands: true, chomps: true }],
    ['ADD <<$EOF /a', { name: '$EOF', expands: true, chomps: false }],
    ['ONBUILD RUN <<EOF', { name: 'EOF', expands: true, chomps: false }]
  ])('%s', (line, start) => {
    const end = start.chomps ? `\t${start.name}` : start.name
    expect(read(line, ' # b \\', '', end, 'CMD c')).toMatchObject([
      { line: 1, endLine: 4, heredocs: [{ ...start, content: ' # b \\\n\n' }] },
      { name: 'CMD', line: 5 }
    ])
  })

  it('takes several of one instruction in their order', () => {
    const { heredocs, endLine } = only('COPY <<A <<B /x/', 'a', 'A', 'b', 'B')
    expect(heredocs.map(({ name, content }) => name + content)).toEqual(['Aa\n', 'Bb\n'])
    expect(endLine).toBe(5)
  })

  it.each(['RUN ["a", "<<EOF"]', 'CMD cat <<EOF', 'RUN cat <<<EOF', 'RUN echo "<<EOF"'])('finds none in %s', (line) => {
    expect(only(line, 'X').heredocs).toEqual([])
  })

  it('reads no further where one has no end', () => {
    expect(parseDockerfile('FROM a\nRUN <<EOF\nb')).toMatchObject({ isWhole: false })
  })
})

describe('whatever it is', () => {
  const text = evilText(
    'FROM a\n',
    'RUN ',
    'COPY ',
    '<<EOF',
    '<<-"E"',
    'EOF\n',
    '${a:-',
    '}',
    '\\\n',
    '# escape=`\n',
    '--x=',
    '[',
    'ONBUILD '
  )

  it('keeps the text, and its instructions in their lines', { timeout: FUZZ_TIMEOUT_MS }, async () => {
    await survives(text, (input) => {
      const { lines, instructions } = parseDockerfile(input)
      expect(lines.join('')).toBe(input)
      let last = 0
      for (const { line, endLine } of instructions) {
        expect(line).toBeGreaterThan(last)
        expect(endLine).toBeGreaterThanOrEqual(line)
        last = endLine
      }
      expect(last).toBeLessThanOrEqual(lines.length)
    })
  })

  it('refuses one that is too large in one line', () => {
    expect(() => parseDockerfile('#'.repeat(DOCKERFILE_BYTES_MAX + 1))).toThrow(StepError)
    expect(() => parseDockerfile('#\n'.repeat(DOCKERFILE_BYTES_MAX / 2))).not.toThrow()
  })

  it('reads no line that is too long for BuildKit', () => {
    expect(parseDockerfile(`FROM a\nRUN ${'b'.repeat(65_600)}\n`).isWhole).toBe(false)
  })

  it('means the same with comments and empty lines in between', () => {
    const lines = fc.array(fc.constantFrom('FROM a', 'RUN b \\\n c', 'COPY <<E /d\ne\nE', 'CMD ["f"]'), {
      minLength: 1
    })
    fc.assert(
      fc.property(lines, (parts) => {
        const plain = parseDockerfile(parts.join('\n')).instructions.map(({ name, rest }) => [name, rest])
        const spaced = parseDockerfile(parts.join('\n\n# x\n')).instructions.map(({ name, rest }) => [name, rest])
        expect(spaced).toEqual(plain)
      })
    )
  })
})
