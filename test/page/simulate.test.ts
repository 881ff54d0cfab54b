/** The Simulate tab in a real Chromium: a run taken by buttons, arrows and keys, and the link that replays it. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Browser, Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { BUDGETS } from '../../src/machines/stages.ts'
import { currentMachines } from '../../src/visualizer/graph.ts'
import { launch, provideChromium } from './support/browser.ts'
import { contrast, overlaps } from './support/geometry.ts'
import { olderMachines, slipway } from './support/pages.ts'

const chromium = provideChromium()
const directory = mkdtempSync(join(tmpdir(), 'slipway-simulate-'))
const file = join(directory, 'page.html')
const address = `file://${file}`
const graphs = currentMachines().machines
let browser: Browser
let page: Page
let problems: string[] = []

/** `resolving.attempting|xstate.done.actor.resolving|0`, and the like. */
const done = (stage: string, branch = 0) => `${stage}.attempting|xstate.done.actor.${stage}|${branch}`
const retry = (stage: string) => `${stage}.attempting|xstate.error.actor.${stage}|0`
const failed = (stage: string) => `${stage}.attempting|xstate.error.actor.${stage}|1`
const waited = (stage: string) => `${stage}.backingOff|xstate.done.actor.${stage}.backOff|0`

const SUCCESS = [
  ...['resolving', 'building'].map((stage) => done(stage)),
  // Its actor lasts as long as the stage.
  'pushing|xstate.done.actor.pushing|0',
  ...['pulling', 'running', 'collecting'].map((stage) => done(stage)),
  done('cleaningUp', 2)
]

const press = async (...transitions: readonly string[]) => {
  for (const id of transitions) await page.click(`[data-take="container-step.${id}"]`)
}
const place = () => page.innerText('#simulate-place')
const context = () => page.innerText('#mode-simulate dl')
const choices = () => page.locator('#simulate-choices button').allInnerTexts()
const fragment = () => new URL(page.url()).hash
const marked = (name: string) =>
  page
    .locator(`.drawing:not([hidden]) :is(.state, .transition).${name}`)
    .evaluateAll((all) => all.map((one) => one.getAttribute('data-id')))
/** A link is opened in a tab of its own, as from a message. */
const openLink = async (hash: string) => {
  await page.goto('about:blank')
  await page.goto(`${address}${hash}`)
}

beforeAll(async () => {
  if (chromium === undefined) return
  slipway('diagram', '--html', file)
  browser = await launch(chromium)
})
afterAll(async () => {
  await browser?.close()
  rmSync(directory, { recursive: true })
})

describe.skipIf(chromium === undefined)('the Simulate tab', () => {
  beforeEach(async () => {
    problems = []
    page = await browser.newPage({ viewport: { width: 1360, height: 900 } })
    page.on('pageerror', (error) => problems.push(error.message))
    page.on('console', (message) => message.type() === 'error' && problems.push(message.text()))
    page.on('dialog', (dialog) => {
      problems.push(`asks: ${dialog.message()}`)
      void dialog.dismiss()
    })
    page.on('request', (request) => {
      if (!/^(file|about):/.test(request.url())) problems.push(`asks for ${request.url()}`)
    })
    await page.goto(address)
    await page.click('#tab-simulate')
  })
  afterEach(async () => {
    await page.close()
    expect(problems).toEqual([])
  })

  test('takes a run to its end by what is pressed, and shows its path', async () => {
    expect(await place()).toBe(`Resolve: attempt 1 of ${BUDGETS.resolving.attemptsMax}`)
    await press(...SUCCESS)
    expect(await place()).toBe('Succeeded')
    expect(await choices()).toEqual([])
    expect(await page.locator('#simulate-path li').allInnerTexts()).toHaveLength(SUCCESS.length)
    expect(await marked('now')).toEqual(['container-step.succeeded'])
    expect(await marked('next')).toEqual([])
    const taken = SUCCESS.map((id) => `container-step.${id}`)
    expect((await marked('taken')).toSorted()).toEqual(taken.toSorted())
  })

  test('shows a run again when the page is loaded again, and from its link', async () => {
    await press(...SUCCESS.slice(0, 3), retry('pulling'))
    const [there, known] = [await place(), await context()]
    expect(there).toBe(`Pull: waits for attempt 2 of ${BUDGETS.pulling.attemptsMax}`)
    expect(await page.getAttribute('#simulate-link', 'href')).toBe(fragment())
    await page.reload()
    expect([await place(), await context()]).toEqual([there, known])
    const link = fragment()
    await openLink(link)
    expect([await place(), await context(), fragment()]).toEqual([there, known, link])
    expect(await page.getAttribute('#tab-simulate', 'aria-selected')).toBe('true')
  })

  test('replays a link of another machine, also while it is open', async () => {
    await page.click('#tab-script-step')
    await page.click('[data-take="script-step.executing.attempting|xstate.done.actor.executing|1"]')
    const link = fragment()
    await page.click('#tab-container-step')
    expect(await place()).toContain('Resolve')
    await page.evaluate((hash) => location.assign(hash), link)
    await expect.poll(place).toBe('Failed')
    expect(await page.locator('.drawing:not([hidden])').getAttribute('data-machine')).toBe('script-step')
  })

  test('takes what is clicked in the diagram: a label, or a line of one transition', async () => {
    // In its readable size the drawing is wider than the window.
    await page.click('#zoom [data-zoom="whole"]')
    await page.locator(`[data-id="container-step.${done('resolving')}"] text`).click()
    expect(await place()).toContain('Build: attempt 1')
    const line = page.locator(`.line[data-ids*="container-step.${done('building')}"]`)
    await line.dispatchEvent('click')
    expect(await place()).toContain('Push: attempt 1')
  })

  test('tells about what is clicked in the diagram and cannot be taken, and about states', async () => {
    await page.locator(`[data-id="container-step.${done('running')}"]`).dispatchEvent('click')
    expect(await page.innerText('#details .id')).toBe(`container-step.${done('running')}`)
    await page.locator('[data-id="container-step.running"] > text').dispatchEvent('click')
    expect(await page.innerText('#details .id')).toBe('container-step.running')
    expect(await place()).toContain('Resolve: attempt 1')
  })

  test('offers another attempt while there is one left', async () => {
    const { attemptsMax } = BUDGETS.building
    await press(done('resolving'))
    for (let attempt = 1; attempt < attemptsMax; attempt++) {
      expect((await choices()).join()).toContain(`Build: waits for attempt ${attempt + 1} of ${attemptsMax}`)
      await press(retry('building'), waited('building'))
    }
    expect(await place()).toBe(`Build: attempt ${attemptsMax} of ${attemptsMax}`)
    expect((await choices()).join()).not.toContain('retryable, attempts left')
    await page.locator(`[data-id="container-step.${retry('building')}"] text`).dispatchEvent('click')
    expect(await place()).toBe(`Build: attempt ${attemptsMax} of ${attemptsMax}`)
  })

  test('tells what is known: stages, budget, codes, failure and CANCEL', async () => {
    await press(retry('resolving'), waited('resolving'))
    const first = await context()
    expect(first).toContain('Resolve (2 attempts)')
    expect(first).toContain('1 minute')
    expect(first).toMatch(/Tried again after\s+[^\n]*registry-unreachable/)
    expect(first).toMatch(/Ends the stage\s+[^\n]*push-denied/)
    expect(first).toMatch(/Failed in\s+nothing so far\s+Cancelled\s+no\s/)
    await press(failed('resolving'), 'cleaningUp|CANCEL|0')
    const hurried = await context()
    expect(hurried).toMatch(/Time budget\s+5.5 s/)
    expect(hurried).toMatch(/Failed in\s+Resolve\s+Cancelled\s+yes, 1 time\s/)
    await press(done('cleaningUp', 1))
    expect(await place()).toBe('Failed')
    expect(await page.getAttribute('#simulate-place', 'class')).toBe('end failed')
  })

  test('undoes, and starts again', async () => {
    expect(await page.isDisabled('#simulate-undo')).toBe(true)
    await press(done('resolving'), done('building'))
    await page.click('#simulate-undo')
    expect(await place()).toContain('Build: attempt 1')
    await page.click('#simulate-restart')
    expect(await place()).toContain('Resolve: attempt 1')
    expect(fragment()).toBe('#simulate=container-step')
    expect(await page.isDisabled('#simulate-restart')).toBe(true)
  })

  test('can be used with the keyboard alone', async () => {
    await page.reload()
    await page.focus('#tab-explore')
    for (let tab = 0; tab < 8 && (await page.getAttribute('#tab-simulate', 'aria-selected')) !== 'true'; tab++) {
      await page.keyboard.press('ArrowRight')
    }
    const focused = () =>
      page.evaluate(() => document.activeElement?.getAttribute('data-take') ?? document.activeElement?.id)
    for (let key = 0; key < 8 && !(await focused())?.includes('|'); key++) await page.keyboard.press('Tab')
    // The first of what can happen next is that all is well.
    for (const id of SUCCESS.slice(0, 6)) {
      expect(await focused()).toBe(`container-step.${id}`)
      await page.keyboard.press('Enter')
    }
    await page.keyboard.press('Tab')
    expect(await focused()).toBe(`container-step.${done('cleaningUp', 2)}`)
    await page.keyboard.press('Space')
    expect(await place()).toBe('Succeeded')
    expect(await focused()).toBe('simulate-undo')
    await page.keyboard.press('Enter')
    expect(await place()).toContain('Clean up: attempt 1')
  })

  test('leaves nothing behind in the address and on the drawing, and comes back to where it was', async () => {
    await press(done('resolving'))
    const link = fragment()
    await page.click('#tab-explore')
    expect(fragment()).toBe('')
    expect([...(await marked('now')), ...(await marked('next')), ...(await marked('taken'))]).toEqual([])
    await page.click('#tab-simulate')
    expect(fragment()).toBe(link)
    expect(await place()).toContain('Build: attempt 1')
  })

  test.each(graphs.map(({ id }) => id))('has no text of %s on another, and can be read', async (id) => {
    await page.click(`#tab-${id}`)
    await page.locator('#simulate-choices button').first().click()
    expect(await overlaps(page)).toEqual([])
    const text = '#mode-simulate :is(p, dt, dd, code, small, button, li, a)'
    for (const colorScheme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme })
      expect(await contrast(page, text, 'color', 'aside')).toBeGreaterThanOrEqual(4.5)
    }
  })

  test('fits a narrow window', async () => {
    await page.setViewportSize({ width: 360, height: 740 })
    await press(...SUCCESS.slice(0, 3))
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(360)
  })

  describe('says in one line what is wrong with a link', () => {
    test.each([
      [
        'of a machine that is not here',
        '#simulate=no-such-machine:0:0',
        'this link is for a machine that is not on this page'
      ],
      ['that was cut off', '#simulate=container-step:0.0', 'this link is not complete, or was changed on its way'],
      [
        'of another version',
        '#simulate=container-step:9:abc',
        'this link does not fit this version of the machine: step 1 is not there'
      ],
      [
        'whose path is another',
        '#simulate=container-step:0:abc',
        'this link does not fit this version of the machine, or was changed on its way'
      ],
      [
        'too long',
        `#simulate=container-step:${'0.'.repeat(50_000)}0:1`,
        'this link is longer than any that this page makes'
      ],
      ['of markup', '#simulate=<img src=x onerror=alert(1)>', 'this link is for a machine that is not on this page'],
      ['that would be the prototype', '#simulate=__proto__:0:0', 'this link is for a machine that is not on this page'],
      ['with a wrong escape', '#simulate=%E0%A4%A:0:0', 'this link is for a machine that is not on this page']
    ])('%s', async (_what, hash, message) => {
      await openLink(hash)
      expect(await page.innerText('[role=alert]')).toBe(message)
      expect(await page.locator('img').count()).toBe(0)
      await press(done('resolving'))
      expect(await place()).toContain('Build: attempt 1')
      expect(await page.locator('[role=alert]').count()).toBe(0)
    })

    test('that comes while the page is open, and keeps the run', async () => {
      await press(done('resolving'))
      await page.evaluate(() => location.assign('#simulate="><script>alert(1)</script>'))
      await page.waitForSelector('[role=alert]')
      expect(await place()).toContain('Build: attempt 1')
    })
  })

  test('takes a drawing of two versions for the newer one', async () => {
    const [old, compared] = [join(directory, 'old.json'), join(directory, 'compared.html')]
    writeFileSync(old, JSON.stringify(olderMachines()))
    slipway('diagram', '--html', compared, '--compare', old)
    await page.goto(`file://${compared}`)
    await page.click('#tab-simulate')
    await press(done('resolving'), done('building'))
    expect(await choices()).not.toContainEqual(expect.stringContaining('SCAN'))
    await press(...SUCCESS.slice(2))
    expect(await place()).toBe('Succeeded')
  })

  test('says so where nothing can be simulated', async () => {
    const [old, compared] = [join(directory, 'gone.json'), join(directory, 'gone.html')]
    const set = currentMachines()
    const gone = JSON.parse(JSON.stringify(set.machines[2]).replaceAll('script-step', 'gone-step'))
    writeFileSync(old, JSON.stringify({ ...set, machines: [...set.machines, gone] }))
    slipway('diagram', '--html', compared, '--compare', old)
    await page.goto(`file://${compared}`)
    await page.click('#tab-simulate')
    await page.click('#tab-gone-step')
    expect(await page.innerText('[role=alert]')).toBe('this machine has no state to start in')
    expect([await choices(), await place(), await marked('now')]).toEqual([[], '', []])
    await page.click('#tab-job-start')
    expect(await place()).toContain('Plan: attempt 1')
  })
})
