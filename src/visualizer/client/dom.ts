/** Small helpers to find and make elements, for the page's script. */

type Child = Node | string | undefined

/** Attributes; a function becomes the listener for clicks, undefined leaves the attribute out. */
type Attributes = Readonly<Record<string, string | (() => void) | undefined>>

export function element<Name extends keyof HTMLElementTagNameMap>(
  name: Name,
  attributes: Attributes = {},
  ...children: readonly Child[]
): HTMLElementTagNameMap[Name] {
  const made = document.createElement(name)
  for (const [key, value] of Object.entries(attributes)) {
    if (typeof value === 'function') made.addEventListener('click', value)
    else if (value !== undefined) made.setAttribute(key, value)
  }
  made.append(...children.filter((child) => child !== undefined))
  return made
}

export type Fact = readonly [name: string, value: Node | string | undefined]

/** Names with their values, one a line; what is undefined is left out. */
export function facts(list: readonly Fact[]): HTMLElement {
  const known = list.filter(([, value]) => value !== undefined)
  return element('dl', {}, ...known.flatMap(([name, value]) => [element('dt', {}, name), element('dd', {}, value)]))
}

/** The element must be there: page.ts writes it. */
export function byId<Kind extends Element = HTMLElement>(id: string): Kind {
  const found = document.getElementById(id)
  if (found === null) throw new Error(`the page has no element ${id}`)
  return found as unknown as Kind
}

/** Marks one button of a list of tabs as the chosen one. */
export function chooseTab(list: Element, chosen: (tab: HTMLElement) => boolean): void {
  for (const tab of list.querySelectorAll<HTMLElement>('[role=tab]')) {
    const isChosen = chosen(tab)
    tab.setAttribute('aria-selected', String(isChosen))
    tab.tabIndex = isChosen ? 0 : -1
  }
}

/** Arrow keys move between the tabs of a list, as people expect of tabs. */
export function moveWithArrows(list: HTMLElement): void {
  list.addEventListener('keydown', (event) => {
    const step = event.key === 'ArrowRight' ? 1 : event.key === 'ArrowLeft' ? -1 : 0
    const tabs = [...list.querySelectorAll<HTMLElement>('[role=tab]')]
    const at = tabs.indexOf(document.activeElement as HTMLElement)
    if (step === 0 || at === -1) return
    event.preventDefault()
    const next = tabs[(at + step + tabs.length) % tabs.length]
    next?.click()
    next?.focus()
  })
}
