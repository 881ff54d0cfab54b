/** The commands that pages of documentation show in fenced `sh` blocks, for the suites that run them. */

/** Contents of the `sh` blocks of a text, in order; those in a list are indented. */
export const shellBlocksOf = (text: string): readonly string[] =>
  [...text.matchAll(/^( *)```sh\n([\s\S]*?)^\1```$/gm)].map(([, indent = '', block = '']) =>
    block.replaceAll(new RegExp(`^${indent}`, 'gm'), '').trimEnd()
  )

/** The commands of a block: continued lines joined, comments and empty lines left out. */
export const commandsOf = (block: string): readonly string[] =>
  block
    .replaceAll(/\\\n\s*/g, '')
    .split('\n')
    .map((line) => line.replace(/(^|\s+)# .*$/, '').trim())
    .filter((line) => line !== '')
