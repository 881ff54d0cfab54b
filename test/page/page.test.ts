/** The page in a real Chromium: what reviewers see and do. Made by the bundled command line, as users make it. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Browser, Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { BUDGETS } from '../../src/machines/stages.ts'
import { currentMachines } from '../../src/visualizer/graph.ts'
import { measureModelCoverage } from '../support/coverage-report.ts'
import { launch, provideChromium } from './support/browser.ts'
import { contrast, overlaps } from './support/geometry.ts'
import { DOCUMENT, olderMachines, slipway, traceFile } from './support/pages.ts'

const chromium = provideChromium()
const directory = mkdtempSync(join(tmpdir(), 'slipway-page-'))
const file = join(directory, 'page.html')
const graphs = currentMachines().machines
let browser: Browser
let page: Page
let problems: string[] = []

const open = (path: string) => page.goto(`file://${path}`)
const replay = async (name: string) => {
  await page.click('#tab-replay')
  await page.setInputFiles('#mode-replay input[type=file]', traceFile(name))
  await page.waitForSelector('#replay-steps')
}
const texts = (selector: string) => page.locator(selector).allInnerTexts()
/** Names of the states that have a mark, in the drawing that is shown. */
const marked = (name: string) =>
  page
    .locator(`.drawing:not([hidden]) .state.${name}`)
    .evaluateAll((all) => all.map((one) => one.getAttribute('data-id')))

beforeAll(async () => {
  if (chromium === undefined) return
  const coverage = join(directory, 'coverage.json')
  writeFileSync(coverage, JSON.stringify(await measureModelCoverage()))
  slipway('diagram', '--html', file, '--coverage', coverage, '--source', '../..')
  browser = await launch(chromium)
})
afterAll(async () => {
  await browser?.close()
  rmSync(directory, { recursive: true })
})

describe.skipIf(chromium === undefined)('the page', () => {
  beforeEach(async () => {
    problems = []
    page = await browser.newPage({ viewport: { width: 1360, height: 900 } })
    page.on('pageerror', (error) => problems.push(error.message))
    page.on('console', (message) => message.type() === 'error' && problems.push(message.text()))
    page.on('request', (request) => {
      if (!request.url().startsWith('file:')) problems.push(`asks for ${request.url()}`)
    })
    await open(file)
  })
  afterEach(async () => {
    await page.close()
    expect(problems).toEqual([])
  })

  test('of docs/machines is what the command line writes', () => {
    expect(readFileSync(DOCUMENT, 'utf8') === readFileSync(file, 'utf8'), 'stale: npm run docs:machines').toBe(true)
  })

  for (const { id, states, transitions } of graphs) {
    test(`shows every state and transition of ${id}`, async () => {
      await page.click(`#tab-${id}`)
      const shown = (kind: string) => page.locator(`.drawing:not([hidden]) .${kind}`)
      expect(await shown('state').count()).toBe(states.length)
      expect(await shown('transition').count()).toBe(transitions.length)
      expect(await page.locator('.drawing:not([hidden])').getAttribute('data-machine')).toBe(id)
    })

    test(`has no text of ${id} on another, nor a line through one`, async () => {
      await page.click(`#tab-${id}`)
      expect(await overlaps(page)).toEqual([])
      await page.click('#tab-coverage')
      expect(await overlaps(page)).toEqual([])
    })

    test(`opens every state of ${id} that is clicked`, async () => {
      await page.click(`#tab-${id}`)
      await page.click('[data-zoom=whole]')
      for (const state of states) {
        await page.locator(`[data-id="${state.id}"] > text`).dispatchEvent('click')
        expect(await page.innerText('#details .id')).toBe(state.id)
      }
    })

    test(`says that the model suite covers all of ${id}`, async () => {
      await page.click(`#tab-${id}`)
      await page.click('#tab-coverage')
      expect(await page.innerText('#coverage-percent')).toBe('100 %')
      expect(await page.innerText('#mode-coverage')).toContain(
        `${transitions.length} of ${transitions.length} transitions`
      )
      const counts = await page.locator('.drawing:not([hidden]) .count').allTextContents()
      expect(counts).toHaveLength(transitions.length)
      expect(counts.filter((count) => !/^×[1-9]\d*$/.test(count))).toEqual([])
    })
  }

  test('finds the overlap when a label is moved onto another', async () => {
    await page.evaluate(() => {
      const [first, second] = document.querySelectorAll('#drawing-container-step .transition text')
      for (const name of ['x', 'y']) second?.setAttribute(name, first?.getAttribute(name) ?? '')
    })
    expect(await overlaps(page)).not.toEqual([])
  })

  test('tells purpose, budget, port, error codes and source of a state', async () => {
    await page.locator('[data-id="container-step.pushing"] > text').dispatchEvent('click')
    const details = await page.innerText('#details')
    expect(details).toContain('Push the built layout to the registry')
    expect(details).toContain('5 minutes')
    expect(details).toContain(`at most ${BUDGETS.pushing.attemptsMax}`)
    expect(details).toMatch(/pusher in src\/machines\/ports\.ts/)
    expect(details).toMatch(/push-denied permanent/)
    expect(details).toMatch(/registry-unreachable retryable/)
    expect(await page.getAttribute('#details a[href$="container-step.ts"]', 'href')).toBe(
      '../../src/machines/container-step.ts'
    )
  })

  test('does not call an error retryable where nothing is tried again', async () => {
    await page.locator('[data-id="container-step.running"] > text').dispatchEvent('click')
    expect(await page.innerText('#details')).toContain('cluster-unreachable retryable, but not here')
  })

  test('lists the paths over a transition', async () => {
    await page
      .locator('[data-id="container-step.building.attempting|xstate.error.actor.building|0"] text')
      .dispatchEvent('click')
    await page.click('#details summary')
    expect((await texts('#details ol li')).length).toBeGreaterThan(0)
    expect(await page.innerText('#details')).toContain('retryable, attempts left')
  })

  test('can be used with the keyboard alone', async () => {
    await page.focus('#theme')
    await page.keyboard.press('Tab')
    const id = await page.evaluate(() => document.activeElement?.getAttribute('data-id'))
    expect(id).toBe('container-step.resolving')
    await page.keyboard.press('Enter')
    expect(await page.innerText('#details .id')).toBe(id)
    const transform = () => page.getAttribute('.drawing:not([hidden]) .viewport', 'transform')
    const before = await transform()
    await page.keyboard.press('+')
    await page.keyboard.press('ArrowDown')
    expect(await transform()).not.toBe(before)
    await page.keyboard.press('0')
    expect(await transform()).toBe(before)
    await page.keyboard.press('/')
    expect(await page.evaluate(() => document.activeElement?.id)).toBe('search')
  })

  test('finds states by their error codes', async () => {
    await page.fill('#search', 'layout-lost')
    expect(await marked('found')).toEqual(['container-step.pushing', 'container-step.handingOver'])
    await page.keyboard.press('Enter')
    expect(await page.innerText('#details .id')).toBe('container-step.pushing')
  })

  test('is dark when the system is, until the reader says otherwise', async () => {
    const paper = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor)
    const light = await paper()
    await page.emulateMedia({ colorScheme: 'dark' })
    expect(await paper()).not.toBe(light)
    await page.click('#theme')
    expect(await paper()).toBe(light)
  })

  test.each(['light', 'dark'] as const)('can be read when it is %s', async (colorScheme) => {
    await page.emulateMedia({ colorScheme })
    const least = 4.5
    expect(await contrast(page, '.transition text', 'fill', 'body')).toBeGreaterThanOrEqual(least)
    expect(await contrast(page, '.transition text', 'fill', '.state.outer > rect')).toBeGreaterThanOrEqual(least)
    expect(await contrast(page, '.state text', 'fill', '.state.outer > rect')).toBeGreaterThanOrEqual(least)
    expect(await contrast(page, 'aside :is(p, dt, dd, a, h2, h3)', 'color', 'aside')).toBeGreaterThanOrEqual(least)
  })

  test('fits a narrow screen', async () => {
    await page.setViewportSize({ width: 360, height: 740 })
    await page.reload()
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(360)
    expect(await overlaps(page)).toEqual([])
    const [canvas, aside] = [await page.locator('#canvas').boundingBox(), await page.locator('aside').boundingBox()]
    expect(canvas?.width).toBe(360)
    expect(aside?.y).toBeGreaterThanOrEqual((canvas?.y ?? 0) + (canvas?.height ?? 0))
  })

  describe('when its window changes', () => {
    /** How far the drawing that is shown reaches beyond what can be seen of the canvas; 0 when all of it is in sight. */
    const outside = () =>
      page.evaluate(() => {
        const boxOf = (selector: string) => (document.querySelector(selector) as Element).getBoundingClientRect()
        const [drawing, canvas] = [boxOf('.drawing:not([hidden]) .viewport'), boxOf('#canvas')]
        const [right, bottom] = [Math.min(canvas.right, innerWidth), Math.min(canvas.bottom, innerHeight)]
        const beyond = [canvas.left - drawing.left, drawing.right - right, canvas.top - drawing.top]
        return Math.round(Math.max(0, ...beyond, drawing.bottom - bottom))
      })
    const transform = () => page.getAttribute('.drawing:not([hidden]) .viewport', 'transform')
    const narrow = () => page.setViewportSize({ width: 400, height: 900 })
    /** Sizes are noticed with the next frames. */
    const settle = () =>
      page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done(true)))))

    test.each(graphs.map(({ id }) => id))('shows all of %s in one made narrow', async (id) => {
      await page.click(`#tab-${id}`)
      await narrow()
      await expect.poll(outside).toBe(0)
      expect(await overlaps(page)).toEqual([])
    })

    test('shows all of a machine that is chosen after it was made narrow', async () => {
      await narrow()
      await settle()
      await page.click('#tab-job-start')
      await expect.poll(outside).toBe(0)
    })

    test('is as it was when it is made wide again', async () => {
      const before = await transform()
      await narrow()
      await expect.poll(transform).not.toBe(before)
      await page.setViewportSize({ width: 1360, height: 900 })
      await expect.poll(transform).toBe(before)
    })

    test.each<readonly [string, () => Promise<void>]>([
      ['zoomed by a button', () => page.click('[data-zoom=in]')],
      ['moved by keys', () => page.keyboard.press('ArrowDown')],
      [
        'moved by the pointer',
        async () => {
          await page.mouse.move(300, 600)
          await page.mouse.down()
          await page.mouse.move(340, 560)
          await page.mouse.up()
        }
      ],
      [
        'moved by the wheel',
        async () => {
          await page.mouse.move(300, 600)
          await page.mouse.wheel(0, 90)
        }
      ]
    ])('keeps a view that was %s, until the reader asks for a fit', async (_how, move) => {
      const before = await transform()
      await move()
      await expect.poll(transform).not.toBe(before)
      const chosen = await transform()
      await narrow()
      await settle()
      expect(await transform()).toBe(chosen)
      await page.click('[data-zoom=whole]')
      expect(await outside()).toBe(0)
      await page.setViewportSize({ width: 330, height: 700 })
      await expect.poll(outside).toBe(0)
    })

    test('takes a click with a trembling hand for a click', async () => {
      const before = await transform()
      await page.mouse.move(300, 300)
      await page.mouse.down()
      await page.mouse.move(302, 301)
      await page.mouse.up()
      expect(await transform()).toBe(before)
      await narrow()
      await expect.poll(outside).toBe(0)
    })

    test('keeps in sight what was found, and fits the rest', async () => {
      await page.fill('#search', 'layout-lost')
      await page.keyboard.press('Enter')
      await narrow()
      await expect.poll(outside).toBe(0)
    })

    test('keeps the readable size that was asked for when only its height changes', async () => {
      await narrow()
      await expect.poll(outside).toBe(0)
      await page.click('[data-zoom=reset]')
      const readable = await transform()
      await page.setViewportSize({ width: 400, height: 840 })
      await settle()
      expect(await transform()).toBe(readable)
    })
  })

  describe('replays a recorded run', () => {
    const last = () => page.click('[title="Last step"]')

    test('that succeeded', async () => {
      await replay('success')
      expect(await page.innerText('#replay-outcome')).toMatch(/^succeeded, exit code 0, /)
      await last()
      expect(await marked('now')).toEqual(['container-step.succeeded'])
      expect(await marked('broken')).toEqual([])
    })

    test('whose build failed', async () => {
      await replay('build-failure')
      expect(await page.innerText('#replay-outcome')).toMatch(/^failed, exit code 1, /)
      expect(await page.innerText('#replay-failure')).toMatch(/^dockerfile-failed in building: /)
      await last()
      expect(await marked('now')).toEqual(['container-step.failed'])
      expect(await marked('broken')).toEqual(['container-step.building'])
    })

    test('that was tried again', async () => {
      await replay('retry')
      const steps = await texts('#replay-steps li')
      expect(steps.filter((step) => step.includes('waits for attempt'))).toHaveLength(2)
      expect(steps.filter((step) => step.includes('registry-unreachable'))).toHaveLength(2)
      expect((await texts('.stages tr')).find((row) => row.includes('Push'))).toContain('3 attempts')
    })

    test('that was cancelled', async () => {
      await replay('cancel')
      expect(await page.innerText('#replay-outcome')).toMatch(/^cancelled, exit code 130, /)
      expect(await texts('#replay-steps li')).toContainEqual(expect.stringContaining('CANCEL'))
    })

    test('step by step, and by itself', async () => {
      await replay('success')
      const current = () => page.locator('#replay-steps [aria-current]').innerText()
      expect(await current()).toContain('Resolve')
      await page.click('#replay-next')
      expect(await current()).toContain('Build')
      await page.click('#replay-back')
      expect(await current()).toContain('Resolve')
      await page.click('#replay-play')
      await page.waitForSelector('.state.now[data-id="container-step.succeeded"]', { timeout: 30_000 })
      expect(await page.innerText('#replay-play')).toBe('Play')
    })

    test('that is dropped on it', async () => {
      const text = readFileSync(traceFile('success'), 'utf8')
      const transfer = await page.evaluateHandle((content) => {
        const data = new DataTransfer()
        data.items.add(new File([content], 'run.jsonl'))
        return data
      }, text)
      await page.dispatchEvent('#canvas', 'drop', { dataTransfer: transfer })
      await page.waitForSelector('#replay-outcome')
      expect(await page.innerText('#mode-replay .id')).toBe('run.jsonl')
    })

    test('and says in one line what is wrong with a file', async () => {
      const path = join(directory, 'bad.jsonl')
      writeFileSync(path, 'not a trace\n')
      await page.click('#tab-replay')
      await page.setInputFiles('#mode-replay input[type=file]', path)
      expect(await page.innerText('[role=alert]')).toBe(
        'bad.jsonl: line 1 is not JSON; a trace has one JSON object on every line'
      )
    })
  })

  describe('compares two versions', () => {
    const old = join(directory, 'old.json')
    beforeAll(() => writeFileSync(old, JSON.stringify(olderMachines())))

    const expectChanges = async () => {
      expect(await marked('added')).toEqual([
        'container-step.collecting',
        'container-step.collecting.attempting',
        'container-step.collecting.backingOff'
      ])
      expect(await marked('changed')).toEqual(['container-step.building'])
      const list = (await texts('.change')).join('\n')
      expect(list).toContain('removed Scan (scanning)')
      expect(list).toContain('budgetMs: 1 minute → 1 hour')
      expect(list).toContain('added collecting → cleaningUp: CANCEL')
    }

    test('when the other one is opened', async () => {
      await page.click('#tab-compare')
      await page.setInputFiles('#mode-compare input[type=file]', old)
      await page.waitForSelector('#compare-summary')
      await expectChanges()
    })

    test('in one drawing, when it was made to', async () => {
      const compared = join(directory, 'compared.html')
      slipway('diagram', '--html', compared, '--compare', old)
      await open(compared)
      await expectChanges()
      expect(await marked('removed')).toEqual(['container-step.scanning'])
      expect(await overlaps(page)).toEqual([])
    })

    test('and finds nothing between a version and itself', async () => {
      const same = join(directory, 'same.json')
      writeFileSync(same, JSON.stringify(currentMachines()))
      await page.click('#tab-compare')
      await page.setInputFiles('#mode-compare input[type=file]', same)
      await page.waitForSelector('text=The machines are the same.')
      expect(await page.locator('.drawing .added, .drawing .removed, .drawing .changed').count()).toBe(0)
    })
  })
})
