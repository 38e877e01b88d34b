// The few things that every view does with the document.

export function byId<T extends HTMLElement = HTMLElement>(id: string): T {
  const element = document.getElementById(id)
  if (!element) throw new Error(`there is no #${id}`)
  return element as T
}

export const button = (id: string) => byId<HTMLButtonElement>(id)
export const input = (id: string) => byId<HTMLInputElement>(id)

export function show(id: string, visible: boolean) {
  byId(id).hidden = !visible
}

/** Sets text only where it differs, so that nothing is read out twice. */
export function say(id: string, text: string) {
  const element = byId(id)
  if (element.textContent !== text) element.textContent = text
}

/** Like `say`; without text the element is hidden. */
export function note(id: string, text: string) {
  say(id, text)
  show(id, text !== '')
}

/** Tells those who listen instead of looking. */
export const announce = (text: string) => say('announce', text)

export const onClick = (id: string, run: (event: MouseEvent) => void) => byId(id).addEventListener('click', run)

type Child = Node | string | null | undefined | false

/** An element with attributes and children; `true` is an attribute without value. */
export function make<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Record<string, string | number | boolean | undefined> = {},
  ...children: Child[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag)
  for (const [name, value] of Object.entries(attributes))
    if (value !== undefined && value !== false) element.setAttribute(name, value === true ? '' : String(value))
  element.append(...children.filter((child): child is Node | string => child !== null && child !== undefined && child !== false))
  return element
}

const SVG = 'http://www.w3.org/2000/svg'

/** One of the symbols of index.html. */
export function icon(name: string) {
  const svg = document.createElementNS(SVG, 'svg')
  svg.setAttribute('class', 'icon')
  svg.setAttribute('viewBox', '0 0 24 24')
  svg.setAttribute('aria-hidden', 'true')
  const use = document.createElementNS(SVG, 'use')
  use.setAttribute('href', `#i-${name}`)
  svg.append(use)
  return svg
}

export const views = ['sign-in', 'start', 'compose', 'making', 'done', 'problem', 'films'] as const
export type View = (typeof views)[number]
let current: View | '' = ''

export const currentView = () => current

/** Shows one view and moves the focus to its heading, unless it is the first one. */
export function enter(view: View) {
  if (view === current) return
  const first = current === ''
  current = view
  for (const name of views) show(name, name === view)
  document.body.dataset.view = view
  window.scrollTo(0, 0)
  if (!first) byId(`${view}-title`).focus({ preventScroll: true })
}

/** Calls `run` once in the next frame, however often it is asked. */
export function framed(run: () => void) {
  let due = false
  return () => {
    if (due) return
    due = true
    requestAnimationFrame(() => {
      due = false
      run()
    })
  }
}
