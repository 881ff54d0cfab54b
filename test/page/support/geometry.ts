/** What lies on what in a drawing, measured in the browser, for the tests that ask for no overlap. */
import type { Page } from 'playwright-core'

/** Each offence in words; empty when every text has its place for itself, and lies in its state. */
export function overlaps(page: Page): Promise<readonly string[]> {
  return page.evaluate(() => {
    const drawing = document.querySelector('.drawing:not([hidden])') as SVGSVGElement
    const texts = [...drawing.querySelectorAll<SVGTextElement>('text')]
    const boxOf = (element: Element) => element.getBoundingClientRect()
    const isApart = (one: DOMRect, other: DOMRect) =>
      one.right <= other.left || other.right <= one.left || one.bottom <= other.top || other.bottom <= one.top
    /** The line box of a text is higher than its letters. */
    const lettersOf = (element: Element) => {
      const box = boxOf(element)
      return new DOMRect(box.x, box.y + box.height * 0.15, box.width, box.height * 0.7)
    }
    const found: string[] = []
    for (const [index, text] of texts.entries()) {
      for (const other of texts.slice(index + 1)) {
        if (!isApart(lettersOf(text), lettersOf(other))) found.push(`${text.textContent} on ${other.textContent}`)
      }
    }
    const labels = texts.filter((text) => text.closest('.transition'))
    for (const state of drawing.querySelectorAll('.state')) {
      const rect = state.querySelector('rect') as SVGRectElement
      const text = state.querySelector('text') as SVGTextElement
      const [outside, inside] = [boxOf(rect), boxOf(text)]
      if (inside.left < outside.left || inside.right > outside.right) found.push(`${text.textContent} leaves its state`)
      if (state.classList.contains('outer')) continue
      for (const label of labels) {
        if (!isApart(lettersOf(label), outside)) found.push(`${label.textContent} on the state ${text.textContent}`)
      }
    }
    const toScreen = drawing.querySelector<SVGGElement>('.viewport')?.getScreenCTM() as DOMMatrix
    for (const line of drawing.querySelectorAll<SVGPathElement>('.line')) {
      const length = line.getTotalLength()
      for (let at = 0; at <= length; at += 4) {
        const point = line.getPointAtLength(at).matrixTransform(toScreen)
        const hit = labels.find((label) => {
          const box = lettersOf(label)
          return point.x > box.left && point.x < box.right && point.y > box.top && point.y < box.bottom
        })
        if (hit !== undefined) found.push(`a line runs through ${hit.textContent}`)
      }
    }
    return [...new Set(found)]
  })
}

/** WCAG contrast of text with what is behind it, the smallest of all that match. `background` is a selector. */
export function contrast(
  page: Page,
  selector: string,
  property: 'fill' | 'color',
  background: string
): Promise<number> {
  return page.evaluate(
    ({ selector, property, background }) => {
      const canvas = new OffscreenCanvas(1, 1).getContext('2d', {
        willReadFrequently: true
      }) as OffscreenCanvasRenderingContext2D
      const luminance = (colour: string) => {
        canvas.fillStyle = colour
        canvas.fillRect(0, 0, 1, 1)
        const channels = [...canvas.getImageData(0, 0, 1, 1).data].slice(0, 3).map((value) => {
          const share = value / 255
          return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4
        })
        const [red = 0, green = 0, blue = 0] = channels
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue
      }
      const styleOf = (name: string) => getComputedStyle(document.querySelector(name) as Element)
      const behind = styleOf(background)
      const base = luminance(background.includes('rect') ? behind.fill : behind.backgroundColor)
      const parts = [...document.querySelectorAll(selector)]
      if (parts.length === 0) throw new Error(`nothing matches ${selector}`)
      return Math.min(
        ...parts.map((part) => {
          const own = luminance(getComputedStyle(part)[property])
          return (Math.max(own, base) + 0.05) / (Math.min(own, base) + 0.05)
        })
      )
    },
    { selector, property, background }
  )
}
