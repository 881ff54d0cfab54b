/** Keeps secrets out of text: is told each of them, and puts `***` in its place, for the reporter and for traces. */

/** A shorter text stands in too many words. */
const SECRET_LENGTH_MIN = 4
/** A longer secret is hidden in parts, so that whoever reads a stream knows how far back one can begin. */
export const SECRET_BYTES_MAX = 16 * 1024
const HIDDEN = '***'

export interface Redaction {
  /** Hides a secret and every line of it in all that is redacted from here on. */
  hide(secret: string): void
  /** The same text without any of them; it may also be bytes, each as one character (latin1). */
  redact(text: string): string
}

/** As programs write it: plain, or within JSON; each as text and as the bytes of its UTF-8. */
function formsOf(line: string): string[] {
  const forms = [line, JSON.stringify(line).slice(1, -1)]
  return [...forms, ...forms.map((form) => Buffer.from(form, 'utf8').toString('latin1'))]
}

const PARTS = new RegExp(`[^]{1,${SECRET_BYTES_MAX}}`, 'g')

/** `lengthMin`: what is shorter is not hidden, characters. */
export function createRedaction(lengthMin: number = SECRET_LENGTH_MIN): Redaction {
  const secrets = new Set<string>()
  let longestFirst: readonly string[] | undefined
  return {
    hide(secret) {
      const lines = secret.split(/\r\n|\r|\n/).map((line) => line.trim())
      for (const part of lines.flatMap(formsOf).flatMap((form) => form.match(PARTS) ?? [])) {
        if (part.length < lengthMin) continue
        secrets.add(part)
        longestFirst = undefined
      }
    },
    redact(text) {
      // One may hold another one.
      longestFirst ??= [...secrets].sort((a, b) => b.length - a.length)
      return longestFirst.reduce((shown, secret) => shown.replaceAll(secret, HIDDEN), text)
    }
  }
}
