/** Finds states and transitions by any word about them: label, id, purpose, port, error code, guard. */
import type { MachineGraph } from '../graph-format.ts'
import type { Context } from './context.ts'
import { byId } from './dom.ts'
import { mark } from './drawing.ts'

/** Ids of what has all the words, states first. */
function find(graph: MachineGraph, query: string): readonly string[] {
  const words = query
    .toLowerCase()
    .split(/\s+/)
    .filter((word) => word !== '')
  if (words.length === 0) return []
  const has = (item: object) => {
    const text = Object.values(item).flat().join(' ').toLowerCase()
    return words.every((word) => text.includes(word))
  }
  return [...graph.states, ...graph.transitions].filter(has).map(({ id }) => id)
}

export function createSearch(context: Context): { refresh(): void } {
  const input = byId<HTMLInputElement>('search')
  let at = -1
  const refresh = () => {
    at = -1
    const found = find(context.machine(), input.value)
    const isSearching = input.value.trim() !== ''
    document.body.classList.toggle('searching', isSearching)
    input.setAttribute('aria-label', isSearching ? `Search: ${found.length} found` : 'Search')
    mark('found', found)
  }
  input.addEventListener('input', refresh)
  input.addEventListener('keydown', (event) => {
    if (event.key === 'Enter') {
      const found = find(context.machine(), input.value)
      at = found.length === 0 ? -1 : (at + 1) % found.length
      if (found[at] !== undefined) context.select(found[at])
    }
    if (event.key === 'Escape') {
      input.value = ''
      refresh()
      input.blur()
    }
  })
  document.addEventListener('keydown', (event) => {
    if (event.key !== '/' || (event.target as Element).closest('input')) return
    event.preventDefault()
    input.focus()
  })
  return { refresh }
}
