/**
 * What Kaniko makes of each construct, as its sources say (v1.28.3) and as was seen beside BuildKit. What it builds as docker does after
 * it was written in another way is `rewritten`.
 */
import type { CapabilityTable } from '../dockerfile/constructs.ts'

export const KANIKO_CAPABILITIES: CapabilityTable = {
  // `unsupported compression algorithm`, as of something that may heal.
  'add-archive': 'refused',
  // Forgotten.
  'add-archive-owner': 'refused',
  // Through the link.
  'add-over-link': 'refused',
  // `unexpected EOF`.
  'add-packed': 'rewritten',
  // Made with mode and owner of the first directory in them.
  'add-parents': 'rewritten',
  // Never read.
  'add-checksum': 'refused',
  // Warnings only.
  'check-error': 'refused',
  // It ends without a word.
  'command-empty': 'refused',
  'copy-exclude': 'rewritten',
  'copy-parents': 'rewritten',
  // The web page as a file.
  'add-git': 'refused',
  'add-unpack': 'rewritten',
  // Of the USER, where COPY is made root's by a flag.
  'add-url-owner': 'rewritten',
  // Ignored: what is there stays as it is.
  'copy-linked': 'rewritten',
  // Copied as a link.
  'copy-link': 'rewritten',
  // `*` is the directory itself as well, with its directories under their names.
  'copy-all-as-well': 'rewritten',
  // Its own files become part of the image.
  'copy-nothing': 'rewritten',
  'copy-outside': 'rewritten',
  // The directory itself gets the owner of the copied one.
  'copy-owned': 'rewritten',
  'copy-setuid': 'right',
  // Refused where there is no directory.
  'copy-several': 'rewritten',
  // The group has the user's number.
  'copy-user': 'rewritten',
  // It copies its own /proc, and fails.
  'copy-whole-stage': 'refused',
  // Stages that only one other begins with become part of that, and its CMD one of that, too.
  'entrypoint-resets-cmd': 'rewritten',
  // The backslash is always one.
  'escape-directive': 'rewritten',
  // `7000-7002/tcp`.
  'expose-range': 'rewritten',
  // Ignored.
  'from-platform': 'refused',
  'healthcheck-start-interval': 'refused',
  // Read twice: what is left in it of quotes and variables is gone.
  'label-words': 'rewritten',
  'other-frontend': 'refused',
  'run-device': 'refused',
  'run-network': 'refused',
  'run-security': 'refused',
  // From a stage or an image.
  'run-mount': 'refused',
  // Relative to another directory.
  'run-mount-relative': 'rewritten',
  // May be written to.
  'run-mount-writes': 'unsure',
  // Ignored.
  'run-tmpfs': 'rewritten',
  // Put in the place of the link.
  'heredoc-link': 'refused',
  // Taken for one.
  'heredoc-name': 'refused',
  'instruction-case': 'rewritten',
  // In stages only.
  'platform-arguments': 'rewritten',
  // Given to `sh` as its input, after the shell has read it; with quotes or `<<-` not at all.
  'run-heredoc': 'rewritten',
  'run-script': 'rewritten',
  // The first one counts, and docker's is the last one before.
  'stage-name-twice': 'rewritten',
  // A link stays one, names of one file become files, and a pipe is waited for.
  'stage-files': 'unsure',
  // Looked for where it has its own programs.
  'shell-relative': 'rewritten',
  // Given to the group of who makes it.
  'setgid-parent': 'refused',
  'stage-later': 'refused',
  'stage-hard-links': 'refused',
  'stage-link': 'refused',
  // Lost inside a directory.
  'stage-modes': 'refused',
  'stage-pipe': 'refused',
  // Taken apart at each colon.
  'user-modifier': 'rewritten',
  // The group has the user's number.
  'user-number': 'rewritten',
  // Without them in the image, and without the directories on the way.
  'workdir-dots': 'refused',
  // Run in the root directory.
  'workdir-gone': 'rewritten',
  // What is written below it is lost.
  'volume-then-write': 'rewritten'
}
