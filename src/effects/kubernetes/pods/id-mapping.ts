/** What a container runtime says when a volume, or memory, cannot be mounted in a user namespace, for statuses and for builds. */
import type { StepError } from '../../../errors.ts'

const WORDS = /MOUNT_ATTR_IDMAP|mount_setattr|id-?mapped/i

/** Whether a container could not start in a user namespace. No program can make it look so: none has run. */
export const cannotMapIds = ({ code, detail = '' }: StepError): boolean => code === 'start-failed' && WORDS.test(detail)

const PROFILE = /seccomp.*(?:profile|spec)/i

/** For a message about a container that cannot start; empty when something else is wrong. */
export const withoutProfile = (message: string): string =>
  PROFILE.test(message) ? ' with its seccomp profile, which its node does not have (docs/buildkit.md)' : ''

/** The same. */
export const unmapped = (message: string): string =>
  WORDS.test(message)
    ? ' in a user namespace, because its node, or a volume, cannot map ids (docs/security.md, User namespaces)'
    : ''
