/** Every generated diagram, drawn by the real Mermaid in a real browser, as GitHub draws it. */
import { fileURLToPath } from 'node:url'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { currentMachines } from '../../src/visualizer/graph.ts'
import { toMermaid } from '../../src/visualizer/mermaid.ts'
import { launch, provideChromium } from './support/browser.ts'

const MERMAID = fileURLToPath(new URL('../../node_modules/mermaid/dist/mermaid.min.js', import.meta.url))

const chromium = provideChromium()
let browser: Browser
let page: Page

/** The words in the drawing that Mermaid makes of a text; rejects with Mermaid's own error. */
const draw = (text: string): Promise<string> =>
  page.evaluate(async (source) => {
    const { mermaid } = window as unknown as {
      mermaid: { render(id: string, text: string): Promise<{ svg: string }>; initialize(options: object): void }
    }
    mermaid.initialize({ startOnLoad: false, suppressErrorRendering: true })
    const { svg } = await mermaid.render('drawn', source)
    const host = document.createElement('div')
    host.innerHTML = svg
    return host.textContent
  }, text)

beforeAll(async () => {
  if (chromium === undefined) return
  browser = await launch(chromium)
  page = await browser.newPage()
  await page.addScriptTag({ path: MERMAID })
})
afterAll(() => browser?.close())

describe.skipIf(chromium === undefined)('Mermaid', () => {
  for (const graph of currentMachines().machines) {
    test(`draws ${graph.id} with all its stages and what happens between them`, async () => {
      const words = await draw(toMermaid(graph))
      for (const { label } of graph.states) expect(words).toContain(label)
      for (const { label } of graph.transitions) expect(words).toContain(label)
    })
  }

  test('refuses a text that is no diagram', async () => {
    await expect(draw('stateDiagram-v2\n  a --> : }')).rejects.toThrow()
  })
})
