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
  // `unexpected EOF`.
  'add-packed': 'rewritten',
  // Made with mode and owner of the first directory in them.
  'add-parents': 'rewritten',
  // Never read.
  'add-checksum': 'refused',
  'copy-exclude': 'refused',
  'copy-parents': 'refused',
  // The web page as a file.
  'add-git': 'refused',
  'add-unpack': 'rewritten',
  // Of the USER, where COPY is made root's by a flag.
  'add-url-owner': 'rewritten',
  // Copied as a link.
  'copy-link': 'rewritten',
  // Its own files become part of the image.
  'copy-nothing': 'rewritten',
  'copy-outside': 'rewritten',
  // The directory itself gets the owner of the copied one.
  'copy-owned': 'refused',
  // Refused where there is no directory.
  'copy-several': 'rewritten',
  // The group has the user's number.
  'copy-user': 'rewritten',
  // It copies its own /proc, and fails.
  'copy-whole-stage': 'refused',
  // Stages that only one other begins with become part of that, and its CMD one of that, too.
  'entrypoint-resets-cmd': 'rewritten',
  // The backslash is always one.
  'escape-directive': 'refused',
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
  // Ignored.
  'run-tmpfs': 'rewritten',
  'instruction-case': 'rewritten',
  // In stages only.
  'platform-arguments': 'rewritten',
  // Given to `sh` as its input, after the shell has read it; with quotes or `<<-` not at all.
  'run-heredoc': 'rewritten',
  'run-script': 'rewritten',
  // The first one counts, and docker's is the last one before.
  'stage-name-twice': 'refused',
  // The group has the user's number.
  'user-number': 'rewritten',
  // Without them in the image, and without the directories on the way.
  'workdir-dots': 'refused',
  // What is written below it is lost.
  'volume-then-write': 'rewritten'
}
