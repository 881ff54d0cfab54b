/** A recorded run on the drawing: where it is, where it has been, its times, retries and failure. */
import { type Replay, type ReplayStep, type StageTime, toReplay } from '../replay.ts'
import { parseTrace, TraceError } from '../trace.ts'
import { count, timeInWords } from '../words.ts'
import type { Context } from './context.ts'
import { byId, element } from './dom.ts'
import { mark } from './drawing.ts'
import { fileButton } from './files.ts'
import { createPlayer, type Player } from './player.ts'

const HOW =
  'Drop a trace here (a .jsonl file): every command writes one into _diag/slipway on the runner, or into the directory ' +
  'that ACTIONS_RUNNER_CONTAINER_HOOKS_TRACE_DIRECTORY names.'

const MARKS = ['now', 'been', 'taken', 'broken'] as const

export interface ReplayPanel {
  /** Throws a TraceError. */
  load(name: string, text: string): void
  /** Puts the marks of the run on the drawing, or takes them off. */
  show(): void
  hide(): void
}

function stepText({ label, attempt = 1, isBackOff, tookMs }: ReplayStep): string {
  if (isBackOff) return `${label}: waits for attempt ${attempt + 1}`
  return `${label}${attempt > 1 ? `: attempt ${attempt}` : ''}${tookMs === undefined ? '' : ` · ${timeInWords(tookMs)}`}`
}

function stepItem(step: ReplayStep, go: () => void): HTMLElement {
  const { failure, event } = step
  const why = failure === undefined ? event : `${failure.code}: ${failure.message}`
  return element(
    'li',
    { class: failure === undefined ? '' : 'failure' },
    element(
      'button',
      { type: 'button', onclick: go },
      element('span', { class: 'time' }, timeInWords(step.atMs)),
      element('span', {}, stepText(step), element('small', {}, why))
    )
  )
}

function stageRow({ label, startedAtMs, tookMs, attempts, failed }: StageTime, durationMs: number): HTMLElement {
  const percent = (ms: number) => ((100 * ms) / Math.max(1, durationMs)).toFixed(2)
  const bar = element('span', { class: failed === undefined ? 'bar' : 'bar failed' })
  bar.style.marginLeft = `min(${percent(startedAtMs)}%, calc(100% - 3px))`
  bar.style.width = `max(3px, ${percent(tookMs)}%)`
  const times = attempts > 1 ? `, ${count(attempts, 'attempt')}` : ''
  return element(
    'tr',
    {},
    element('th', { scope: 'row' }, label),
    element('td', { class: 'bars' }, bar),
    element('td', {}, `${timeInWords(tookMs)}${times}`)
  )
}

function endOf({ end, durationMs }: Replay): HTMLElement {
  if (end === undefined)
    return element('p', { class: 'end failed' }, `No end after ${timeInWords(durationMs)}: the hook was killed.`)
  const { outcome, exitCode, failure, image } = end
  return element(
    'div',
    { class: `end ${outcome}` },
    element('strong', { id: 'replay-outcome' }, `${outcome}, exit code ${exitCode}, ${timeInWords(durationMs)}`),
    failure === undefined
      ? undefined
      : element(
          'p',
          { id: 'replay-failure' },
          element('code', {}, failure.code),
          `${failure.stage === undefined ? '' : ` in ${failure.stage}`}: ${failure.message}`
        ),
    image === undefined ? undefined : element('p', {}, 'Image ', element('code', {}, image))
  )
}

/** Marks the drawing as it was at one step. */
function markStep({ steps, machine }: Replay, at: number, context: Context): void {
  const step = steps[at]
  if (step === undefined) return
  const outer = context.machine().states.find(({ id }) => id === step.state)?.parent
  const before = steps.slice(0, at)
  mark('now', [step.state, ...(outer === undefined ? [] : [outer])])
  mark(
    'been',
    before.map(({ state }) => state)
  )
  mark(
    'taken',
    steps.slice(0, at + 1).flatMap(({ transition }) => transition ?? [])
  )
  const failed = steps.slice(0, at + 1).filter(({ failure }) => failure !== undefined)
  mark('broken', [
    ...failed.flatMap(({ transition }) => transition ?? []),
    ...failed.flatMap(({ failure }) => (failure?.retrying === false ? [`${machine}.${failure.stage}`] : []))
  ])
}

export function createReplayPanel(context: Context, reveal: (id: string) => void): ReplayPanel {
  const panel = byId('mode-replay')
  let replay: Replay | undefined
  let player: Player | undefined
  let step = 0
  const choose = fileButton('Open a trace', '.jsonl,.json')
  panel.replaceChildren(element('p', {}, HOW), choose)

  const showStep = (list: HTMLElement, play: HTMLElement, isPlaying: boolean) => {
    if (replay === undefined) return
    markStep(replay, step, context)
    play.textContent = isPlaying ? 'Pause' : 'Play'
    for (const [index, item] of [...list.children].entries()) {
      if (index === step) item.setAttribute('aria-current', 'step')
      else item.removeAttribute('aria-current')
    }
    const current = list.children[step] as HTMLElement | undefined
    if (current !== undefined) list.scrollTop = current.offsetTop - list.offsetTop - list.clientHeight / 3
    reveal(replay.steps[step]?.state ?? '')
  }
  const show = (name: string, run: Replay) => {
    const play = element('button', { type: 'button', id: 'replay-play', onclick: () => player?.toggle() }, 'Play')
    const list = element('ol', { class: 'steps scroll', id: 'replay-steps' })
    const made = createPlayer(
      run.steps.map(({ tookMs = 0 }) => tookMs),
      (next, isPlaying) => {
        step = next
        showStep(list, play, isPlaying)
      }
    )
    player = made
    list.append(...run.steps.map((each, index) => stepItem(each, () => made.go(index))))
    const controls = element(
      'div',
      { class: 'controls', role: 'group', 'aria-label': 'Steps' },
      element('button', { type: 'button', title: 'First step', onclick: () => made.go(0) }, '|◀'),
      element(
        'button',
        { type: 'button', id: 'replay-back', title: 'Step back', onclick: () => made.go(step - 1) },
        '◀'
      ),
      play,
      element('button', { type: 'button', id: 'replay-next', title: 'Step on', onclick: () => made.go(step + 1) }, '▶'),
      element('button', { type: 'button', title: 'Last step', onclick: () => made.go(run.steps.length - 1) }, '▶|')
    )
    const table = element('table', { class: 'stages' }, ...run.stages.map((row) => stageRow(row, run.durationMs)))
    panel.replaceChildren(element('p', { class: 'id' }, name), endOf(run), controls, list, table, choose)
    made.go(0)
  }
  return {
    load(name, text) {
      const run = toReplay(parseTrace(text), context.data.set.machines)
      const { machine } = run
      if (machine === undefined) throw new TraceError(`${run.command} ran no machine: there is nothing to draw`)
      player?.stop()
      replay = run
      context.showMachine(machine)
      show(name, run)
    },
    show() {
      if (replay !== undefined) player?.go(step)
    },
    hide() {
      player?.stop()
      for (const name of MARKS) mark(name, [])
    }
  }
}
