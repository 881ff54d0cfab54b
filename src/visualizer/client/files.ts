/** Files that people drop on the page or choose in it, for the replay and the comparison. */
import { element } from './dom.ts'

/** Told of one file; rejects or throws with a message that is one line. */
type Take = (name: string, text: string) => void

/** A trace or a graph beyond it is none that Slipway wrote. */
const FILE_BYTES_MAX = 8 * 1024 * 1024

const CHOSEN = 'slipway-file'

async function read(file: File, take: Take, fail: (message: string) => void): Promise<void> {
  try {
    if (file.size > FILE_BYTES_MAX) throw new Error('the file is too large')
    take(file.name, await file.text())
  } catch (thrown) {
    fail(`${file.name}: ${(thrown as Error).message}`)
  }
}

/** A button that opens the browser's file dialogue; the file goes where dropped ones go. */
export function fileButton(title: string, accept: string): HTMLElement {
  const input = element('input', { type: 'file', accept, class: 'hidden', tabindex: '-1', 'aria-hidden': 'true' })
  input.addEventListener('change', () => {
    const [file] = input.files ?? []
    if (file !== undefined) document.dispatchEvent(new CustomEvent(CHOSEN, { detail: file }))
    input.value = ''
  })
  return element('span', {}, element('button', { type: 'button', onclick: () => input.click() }, title), input)
}

/** Listens for files, dropped anywhere or chosen. */
export function listenToFiles(take: Take, fail: (message: string) => void): void {
  document.addEventListener('dragover', (event) => {
    event.preventDefault()
    document.body.classList.add('dropping')
  })
  document.addEventListener('dragleave', () => document.body.classList.remove('dropping'))
  document.addEventListener('drop', (event) => {
    event.preventDefault()
    document.body.classList.remove('dropping')
    const [file] = event.dataTransfer?.files ?? []
    if (file !== undefined) void read(file, take, fail)
  })
  document.addEventListener(CHOSEN, (event) => void read((event as CustomEvent<File>).detail, take, fail))
}
