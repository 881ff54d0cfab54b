/** How wide a text will be in the page, estimated on the safe side, since nothing is measured when the page is made. */

/** Sizes in CSS pixels. */
export interface TextStyle {
  readonly size: number
  readonly lineHeight: number
}

export const TEXT = {
  stage: { size: 15, lineHeight: 20 },
  part: { size: 12.5, lineHeight: 18 },
  transition: { size: 11.5, lineHeight: 17 }
} as const satisfies Record<string, TextStyle>

/** Shares of the font size, of the widest among common sans-serif fonts (Verdana is left out). */
const NARROW = 0.36
const USUAL = 0.6
const WIDE = 0.93

export function textWidth(text: string, { size }: TextStyle): number {
  const share = (character: string) =>
    /[iljtfr.,:;|!()' -]/.test(character) ? NARROW : /[A-Zmw@%]/.test(character) ? WIDE : USUAL
  return size * [...text].reduce((sum, character) => sum + share(character), 0)
}
