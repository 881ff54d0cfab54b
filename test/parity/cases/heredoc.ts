/** Heredocs: of RUN, COPY and ADD. */
import { busybox, debian, group } from '../case.ts'

export const heredoc = group('Heredoc', {
  'RUN with a body': busybox('RUN <<EOF\necho one > /out\necho two >> /out\nEOF', { files: { '/out': 'one\ntwo\n' } }),
  'RUN with a quoted word': busybox('RUN <<\'EOF\'\nx=hello\necho "$x" > /out\nEOF', { files: { '/out': 'hello\n' } }),
  'RUN with a word in double quotes': busybox('RUN <<"EOF"\nx=hello\necho "$x" > /out\nEOF', {
    files: { '/out': 'hello\n' }
  }),
  'RUN that sets a variable and reads it': busybox('RUN <<EOF\nx=hello\necho "1:$x" > /out\nEOF', {
    files: { '/out': '1:hello\n' }
  }),
  'RUN that exits': busybox("RUN <<'EOF'\nexit 7\nEOF", { refused: true }),
  'RUN that exits, unquoted': busybox('RUN <<EOF\nexit 7\nEOF', { refused: true }),
  'RUN without tabs in front': busybox('RUN <<-EOF\n\techo "a\tb" > /out\n\tEOF', { files: { '/out': 'a\tb\n' } }),
  'RUN whose failing line is not the last': busybox('RUN <<EOF\nfalse\necho on > /out\nEOF', {
    files: { '/out': 'on\n' }
  }),
  'RUN with set -e': busybox('RUN <<EOF\nset -e\nfalse\necho on > /out\nEOF', { refused: true }),
  'RUN with a shebang': debian("RUN <<EOF\n#!/usr/bin/env python3\nopen('/out', 'w').write('from python')\nEOF", {
    files: { '/out': 'from python' }
  }),
  'RUN with a shebang with an argument': busybox('RUN <<EOF\n#!/bin/sh -e\necho on > /out\nfalse\ntrue\nEOF', {
    refused: true
  }),
  'RUN for an interpreter': debian("RUN python3 <<EOF\nopen('/out', 'w').write('x' * 3)\nEOF", {
    files: { '/out': 'xxx' }
  }),
  'RUN into a file': busybox('RUN cat <<EOF > /out\nHOME is $HOME\nEOF', { files: { '/out': 'HOME is /root\n' } }),
  'RUN into a file, quoted': busybox("RUN cat <<'EOF' > /out\nHOME is $HOME\nEOF", {
    files: { '/out': 'HOME is $HOME\n' }
  }),
  'RUN with two': busybox('RUN cat <<ONE > /one && cat <<TWO > /two\nfirst\nONE\nsecond\nTWO', {
    files: { '/one': 'first\n', '/two': 'second\n' }
  }),
  'RUN with a body in which lines are continued': busybox('RUN <<EOF\necho one \\\n  two > /out\nEOF', {
    files: { '/out': 'one two\n' }
  }),
  'RUN with a body that has comments and empty lines': busybox('RUN <<EOF\n# a comment\n\necho x > /out\n\nEOF', {
    files: { '/out': 'x\n' }
  }),
  'RUN with a heredoc inside': busybox('RUN <<EOF\ncat > /out <<IN\ninner\nIN\nEOF', { files: { '/out': 'inner\n' } }),
  'RUN that looks like one but is none': busybox(`RUN echo "<<EOF" > /out`, { files: { '/out': '<<EOF\n' } }),
  'RUN under another SHELL': debian('SHELL ["/bin/bash", "-euo", "pipefail", "-c"]\nRUN <<EOF\nfalse\ntrue\nEOF', {
    refused: true
  }),
  'RUN under bash, with its words': debian(
    'SHELL ["/bin/bash", "-c"]\nRUN <<EOF\na=(one two)\necho "${a[1]}" > /out\nEOF',
    {
      files: { '/out': 'two\n' }
    }
  ),
  'RUN that sees ENV and ARG': busybox('ARG a=1\nENV b=2\nRUN <<EOF\necho "$a$b" > /out\nEOF', {
    files: { '/out': '12\n' }
  }),
  'RUN under USER in a WORKDIR': busybox('WORKDIR /w\nRUN chown 5 /w\nUSER 5:6\nRUN <<EOF\ntouch f\nEOF', {
    files: { '/w/f': /^file 644 5:6/ }
  }),
  'RUN without an end': busybox('RUN <<EOF\necho x', { refused: true }),
  COPY: busybox('COPY <<EOF /out\none\n  two\nEOF', { files: { '/out': 'one\n  two\n' } }),
  'COPY expands variables': busybox('ENV who=world\nCOPY <<EOF /out\nhello $who ${none:-nobody}\nEOF', {
    files: { '/out': 'hello world nobody\n' }
  }),
  'COPY with a quoted word expands nothing': busybox("ENV who=world\nCOPY <<'EOF' /out\nhello $who \\$x\nEOF", {
    files: { '/out': 'hello $who \\$x\n' }
  }),
  'COPY of two into a directory': busybox('COPY <<one.txt <<two.txt /d/\nfirst\none.txt\nsecond\ntwo.txt', {
    files: { '/d/one.txt': 'first\n', '/d/two.txt': 'second\n' }
  }),
  'COPY beside a file': busybox('COPY a <<b /d/\nsecond\nb', {
    context: { a: 'first\n' },
    files: { '/d/a': 'first\n', '/d/b': 'second\n' }
  }),
  'COPY without tabs in front': busybox('COPY <<-EOF /out\n\tone\n\t\ttwo\n\tEOF', { files: { '/out': 'one\ntwo\n' } }),
  'COPY with owner and mode': busybox('COPY --chown=5:6 --chmod=751 <<EOF /bin/x\n#!/bin/sh\nEOF', {
    files: { '/bin/x': /^file 751 5:6/ }
  }),
  'COPY of an empty one': busybox('COPY <<EOF /out\nEOF', { files: { '/out': '' } }),
  'COPY keeps quotes and backslashes': busybox(`COPY <<"EOF" /out\n"a" 'b' \\n \\\\ \\\nEOF`, {
    files: { '/out': `"a" 'b' \\n \\\\ \\\n` }
  }),
  ADD: busybox('ADD <<EOF /d/\nx\nEOF', { files: { '/d/EOF': 'x\n' } })
})
