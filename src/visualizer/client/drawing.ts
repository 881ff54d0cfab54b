/** The states and transitions of the drawings as elements to mark and to find, for all panels. */

const ALL = '.state, .transition, .line'

const idsOf = (part: Element): readonly string[] => {
  const { id, ids } = (part as SVGElement).dataset
  return ids === undefined ? [id ?? ''] : (JSON.parse(ids) as string[])
}

/** Every element that stands for one of the ids: a state, a label, or a line that several transitions share. */
function partsFor(ids: ReadonlySet<string>): readonly SVGGraphicsElement[] {
  return [...document.querySelectorAll<SVGGraphicsElement>(ALL)].filter((part) => idsOf(part).some((id) => ids.has(id)))
}

/** Gives a class to exactly the parts that stand for the ids. */
export function mark(name: string, ids: Iterable<string>): void {
  for (const part of document.querySelectorAll(`.${name}`)) if (part.closest('svg')) part.classList.remove(name)
  for (const part of partsFor(new Set(ids))) part.classList.add(name)
}

/** The state or label with this id. */
export const partOf = (id: string): SVGGraphicsElement | undefined =>
  partsFor(new Set([id])).find((part) => !part.classList.contains('line'))

/** The ids of what was clicked, if anything: a state, a label, or a line that several transitions share. */
export function idsAt(target: EventTarget | null): readonly string[] {
  const part = (target as Element | null)?.closest(ALL)
  return part ? idsOf(part) : []
}

/** The id of the state or label that was clicked, if any. */
export const idAt = (target: EventTarget | null): string | undefined =>
  (target as Element | null)?.closest<SVGElement>('.state, .transition')?.dataset.id
