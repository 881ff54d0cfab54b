/** The page to explore the machines in: one HTML file that works offline, for `slipway diagram --html` and docs/machines. */
import type { MachineGraph } from './graph-format.ts'
import { layOut } from './layout.ts'
import { DATA_ID, type PageData } from './page-data.ts'
import { drawSvg, escapeText } from './svg.ts'

/** Script and style of the page, bundled when Slipway is built. */
export interface PageAssets {
  readonly script: string
  readonly style: string
}

/** JSON that cannot end the element it stands in. */
const embeddedJson = (value: unknown): string => JSON.stringify(value).replaceAll('<', '\\u003c')

/** A script that cannot end the element it stands in. */
const embeddedScript = (script: string): string => script.replaceAll('</script', '<\\/script')

const machineTab = ({ id }: MachineGraph): string =>
  `<button role="tab" id="tab-${id}" aria-controls="drawing-${id}" aria-selected="false" data-machine="${id}">${escapeText(id)}</button>`

const MODES = ['explore', 'coverage', 'replay', 'simulate', 'compare'] as const

const modeTab = (mode: (typeof MODES)[number]): string =>
  `<button role="tab" id="tab-${mode}" aria-controls="mode-${mode}" aria-selected="false" data-mode="${mode}">${mode}</button>`

const modePanel = (mode: (typeof MODES)[number]): string =>
  `<section role="tabpanel" id="mode-${mode}" aria-labelledby="tab-${mode}" hidden></section>`

const body = (set: PageData['set'], drawings: readonly string[]): string => `<header>
<h1>Slipway <small>state machines</small></h1>
<nav role="tablist" id="machines" aria-label="Machines">${set.machines.map(machineTab).join('')}</nav>
<label class="search"><span class="hidden">Search</span><input id="search" type="search" placeholder="Search states, codes, transitions  ( / )" autocomplete="off"></label>
<button id="theme" type="button" aria-pressed="false">Dark</button>
</header>
<main>
<div id="canvas" aria-label="Diagram">
${drawings.join('\n')}
<div id="zoom" role="group" aria-label="Zoom"><button type="button" data-zoom="in" title="Zoom in (+)">+</button><button type="button" data-zoom="out" title="Zoom out (-)">&minus;</button><button type="button" data-zoom="reset" title="Readable size (0)">1:1</button><button type="button" data-zoom="whole" title="Whole machine (1)">Whole</button></div>
</div>
<aside aria-label="Details">
<nav role="tablist" id="modes" aria-label="Views">${MODES.map(modeTab).join('')}</nav>
${MODES.map(modePanel).join('\n')}
<section id="details" aria-live="polite"></section>
</aside>
</main>`

/** Rejects when a machine cannot be laid out. */
export async function toPage(data: PageData, { script, style }: PageAssets): Promise<string> {
  const drawings: string[] = []
  for (const graph of data.set.machines) drawings.push(drawSvg(graph.id, await layOut(graph)))
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Slipway state machines</title>
<style>${style.trim()}</style>
</head>
<body>
${body(data.set, drawings)}
<script type="application/json" id="${DATA_ID}">${embeddedJson(data)}</script>
<script>${embeddedScript(script.trim())}</script>
</body>
</html>
`
}
