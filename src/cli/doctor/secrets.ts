/** Keeps the secrets that were read on the way out of everything that doctor says. */
import type { Result } from './check.ts'

export interface Secrets {
  /** As a Reporter's: is told each secret before it is used. */
  readonly mask: (secret: string) => void
  /** The same result without any of them. */
  readonly hide: (result: Result) => Result
}

export function createSecrets(): Secrets {
  const secrets = new Set<string>()
  const hidden = (text: string) => [...secrets].reduce((shown, secret) => shown.replaceAll(secret, '***'), text)
  return {
    mask: (secret) => void (secret !== '' && secrets.add(secret)),
    hide: ({ why, fix, ...result }) => ({ ...result, why: hidden(why), fix: fix && hidden(fix) })
  }
}
