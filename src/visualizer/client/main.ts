/** The script of the page: connects tabs, panels, drawings and files. */
import { DATA_ID, type PageData } from '../page-data.ts'
import { isSimulation } from '../simulation-link.ts'
import { createComparePanel } from './compare-panel.ts'
import type { Context } from './context.ts'
import { hideCoverage, showCoverage, writeCounts } from './coverage-panel.ts'
import { showDetails } from './details-panel.ts'
import { byId, chooseTab, element, moveWithArrows } from './dom.ts'
import { idAt, idsAt, mark, partOf } from './drawing.ts'
import { listenToFiles } from './files.ts'
import { createReplayPanel } from './replay-panel.ts'
import { createSearch } from './search.ts'
import { createSimulatePanel } from './simulate-panel.ts'
import { createViewport } from './viewport.ts'

type Mode = 'explore' | 'coverage' | 'replay' | 'simulate' | 'compare'

const data = JSON.parse(byId(DATA_ID).textContent) as PageData
const viewport = createViewport()
let machineId = data.set.machines[0]?.id ?? ''
let mode: Mode = data.difference === undefined ? 'explore' : 'compare'

const reveal = (id: string) => {
  const part = partOf(id)
  if (part !== undefined) viewport.reveal(part)
}

const context: Context = {
  data,
  machine() {
    const graph = data.set.machines.find(({ id }) => id === machineId)
    if (graph === undefined) throw new Error(`there is no machine ${machineId}`)
    return graph
  },
  showMachine(id) {
    machineId = id
    showMachine()
  },
  select
}

const replay = createReplayPanel(context, reveal)
const simulate = createSimulatePanel(context, reveal)
const compare = createComparePanel(context)
const search = createSearch(context)

const VIEWS: Readonly<Record<Mode, { readonly show: () => void; readonly hide: () => void }>> = {
  explore: { show: () => {}, hide: () => {} },
  coverage: { show: () => showCoverage(context), hide: hideCoverage },
  replay,
  simulate,
  compare
}

function select(id: string | undefined): void {
  mark('selected', id === undefined ? [] : [id])
  showDetails(context, id)
  if (id !== undefined) reveal(id)
}

function showMachine(): void {
  chooseTab(byId('machines'), (tab) => tab.dataset.machine === machineId)
  for (const drawing of document.querySelectorAll<SVGSVGElement>('.drawing')) {
    const isShown = drawing.dataset.machine === machineId
    drawing.toggleAttribute('hidden', !isShown)
    if (isShown) viewport.show(drawing)
  }
  select(undefined)
  search.refresh()
  if (mode !== 'replay') VIEWS[mode].show()
}

function showMode(next: Mode): void {
  VIEWS[mode].hide()
  mode = next
  document.body.dataset.mode = mode
  chooseTab(byId('modes'), (tab) => tab.dataset.mode === mode)
  for (const name of Object.keys(VIEWS)) byId(`mode-${name}`).hidden = name !== mode
  VIEWS[mode].show()
}

function fail(message: string): void {
  byId('details').replaceChildren(element('p', { class: 'end failed', role: 'alert' }, message))
}

/** The machines of a version say so at their beginning; anything else should be a trace. */
function take(name: string, text: string): void {
  if (/^\s*\{\s*"format"/.test(text)) {
    compare.load(name, text)
    showMode('compare')
  } else {
    replay.load(name, text)
    showMode('replay')
  }
}

function listenToDrawings(): void {
  const canvas = byId('canvas')
  canvas.addEventListener('click', (event) => {
    if (mode === 'simulate' && simulate.take(idsAt(event.target))) return
    const id = idAt(event.target)
    if (id !== undefined) select(id)
  })
  canvas.addEventListener('focusin', (event) => {
    const id = idAt(event.target)
    if (id !== undefined) reveal(id)
  })
  document.addEventListener('keydown', (event) => {
    const id = idAt(event.target)
    if (id !== undefined && (event.key === 'Enter' || event.key === ' ')) {
      event.preventDefault()
      select(id)
    }
    if (event.key === 'Escape') select(undefined)
  })
}

function listenToTabs(): void {
  for (const list of [byId('machines'), byId('modes')]) moveWithArrows(list)
  byId('machines').addEventListener('click', (event) => {
    const { machine } = (event.target as HTMLElement).dataset
    if (machine !== undefined) context.showMachine(machine)
  })
  byId('modes').addEventListener('click', (event) => {
    const { mode: next } = (event.target as HTMLElement).dataset
    if (next !== undefined) showMode(next as Mode)
  })
}

/** A link to a simulated run, at first or while the page is open. */
function openLink(): void {
  const { hash } = location
  if (!isSimulation(hash)) return
  showMode('simulate')
  simulate.open(hash)
}

/** The reader's system decides, until the button does. */
function listenToTheme(): void {
  const button = byId('theme')
  const root = document.documentElement
  const system = window.matchMedia('(prefers-color-scheme: dark)')
  const isDark = () => (root.dataset.theme ?? (system.matches ? 'dark' : 'light')) === 'dark'
  const show = () => {
    button.textContent = isDark() ? 'Light' : 'Dark'
    button.setAttribute('aria-pressed', String(isDark()))
  }
  system.addEventListener('change', show)
  button.addEventListener('click', () => {
    root.dataset.theme = isDark() ? 'light' : 'dark'
    show()
  })
  show()
}

writeCounts(context)
listenToDrawings()
listenToTabs()
listenToTheme()
listenToFiles(take, fail)
showMachine()
showMode(mode)
openLink()
window.addEventListener('hashchange', openLink)
