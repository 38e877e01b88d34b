// Makes the settings form from docs/settings.schema.json: fields, bounds and defaults are the schema's,
// how they look is said in form-words.mjs, their texts are in the page's catalogues. A word there that
// the schema does not know fails the build, so that the page never offers what the server refuses.
import { elsewhere, fields, groups, offeredSizes, together } from './form-words.mjs'

const escapes = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' }
const escape = (text) => String(text).replace(/[&<>"]/g, (character) => escapes[character])
const attributes = (object) =>
  Object.entries(object)
    .filter(([, value]) => value !== undefined && value !== false)
    .map(([name, value]) => (value === true ? ` ${name}` : ` ${name}="${escape(value)}"`))
    .join('')

/** `held-frames` -> `Held frames`: for settings that the catalogues do not know. */
const spoken = (name) => name.charAt(0).toUpperCase() + name.slice(1).replaceAll('-', ' ')

/** Keys of the catalogues that the form uses; those that may be missing have another text. */
let texts = {}
const said = (key, otherwise) => (texts[key] === undefined ? escape(otherwise) : '')
const key = (name) => (texts[name] === undefined ? undefined : name)
const word = (name, value) => `word.${name}.${value}`

/** The words that a schema takes, and its bounds where it takes numbers. */
const wordsOf = (schema) => [schema, ...(schema.anyOf ?? [])].flatMap((one) => one.enum ?? (one.const === undefined ? [] : [one.const]))
const boundsOf = (schema) => [schema, ...(schema.anyOf ?? [])].find(({ type }) => type === 'number' || type === 'integer')

/** What the page reads: the setting's name, its default, and when it is there. */
const entry = (name, inner, schema, tag = 'div', looks = 'entry') =>
  `<${tag}${attributes({
    class: looks, 'data-field': name, 'data-when': fields[name]?.when,
    'data-default': schema && JSON.stringify(schema.default),
  })}>${inner}</${tag}>`

const label = (name, control, extra = '', looks = 'field') =>
  `<label class="${looks}"><span><span${attributes({ 'data-t': key(`field.${name}`) })}>${said(`field.${name}`, spoken(name))}</span>${extra}</span>${control}</label>`

const option = (value, text, chosen) =>
  `<option${attributes({ value, selected: value === chosen, 'data-t': key(text) })}>${said(text, spoken(String(value)))}</option>`

const select = (name, options, schema) =>
  entry(name, label(name, `<select${attributes({ id: name, name })}>${options.join('')}</select>`), schema)

const choice = (name, schema, taken) =>
  select(name, taken.map((value) => option(value, word(name, value), schema.default)), schema)

/** A message below a field, and which it is. */
const complaint = (name, text, values = {}) =>
  `<p${attributes({ class: 'error', id: `${name}-error`, 'data-error': text, 'data-values': JSON.stringify(values) })}></p>`

function number(name, schema, value) {
  const { minimum, exclusiveMinimum, maximum, type } = boundsOf(schema)
  const over = exclusiveMinimum !== undefined
  const whole = type === 'integer' && fields[name]?.look !== 'seconds'
  const input = attributes({
    id: name, name, type: 'number', inputmode: whole ? 'numeric' : 'decimal',
    min: over ? exclusiveMinimum + 0.01 : minimum, max: maximum <= Number.MAX_SAFE_INTEGER && maximum,
    step: whole ? 1 : 'any', value, required: true,
    'data-t-aria-label': key(`told.${name}`), 'aria-describedby': `${name}-error`,
  })
  const error = texts[`error.${name}`] === undefined ? (over ? 'error.over' : 'error.from') : `error.${name}`
  const bounds = { min: over ? exclusiveMinimum : minimum, max: maximum }
  return entry(name, label(name, `<input${input}>`) + complaint(name, error, bounds), schema, 'div', 'entry brief')
}

function range(name, schema) {
  const { minimum, maximum } = boundsOf(schema)
  const input = attributes({ id: name, name, type: 'range', min: minimum, max: maximum, step: 1, value: schema.default })
  return entry(name, label(name, `<input${input}>`, ` <output id="${name}-value">${schema.default}</output>`), schema)
}

const plain = (name, schema, type) =>
  entry(name, label(name, `<input${attributes({ id: name, name, type, value: schema.default })}>`, '', type === 'color' ? 'field aside' : 'field'), schema)

const tick = (name, schema) =>
  entry(name, `<label class="tick"><input${attributes({ id: name, name, type: 'checkbox' })}><span${attributes({ 'data-t': key(`field.${name}`) })}>${said(`field.${name}`, spoken(name))}</span></label>`, schema)

/** Radio buttons that look like cards. */
function cards(name, chosen, offered, columns, shapes) {
  const card = (value) => {
    const shape = shapes ? `<i class="${/^\d/.test(value) ? '' : value}"></i>` : ''
    return (
      `<label${attributes({ id: `choice-${name}-${value}`, class: `choice${shapes ? ' shape' : ''}` })}><input${attributes({ type: 'radio', name, value, checked: value === chosen })}>` +
      `${shape}<span><b data-t="${word(name, value)}.title"></b><small data-t="${word(name, value)}.text"></small></span></label>`
    )
  }
  return `<div class="choices ${columns}">${offered.map(card).join('')}</div>`
}

const fieldset = (name, inner, schema) => entry(name, `<legend data-t="field.${name}"></legend>${inner}`, schema, 'fieldset')

/** Some numbers with names, and a word for none of them. */
function offered(name, schema) {
  const { minimum, maximum } = boundsOf(schema)
  const numbers = fields[name].offered
  if (numbers.some((value) => value < minimum || value > maximum)) throw new Error(`${name}: a number is out of bounds`)
  return select(name, [schema.default, ...numbers].map((value) => option(value, word(name, value), schema.default)), schema)
}

const pair = (inner) => `<div class="pair">${inner}</div>`

/** What takes more than one control, or more than one setting. */
const own = {
  hold(name, schema) {
    const seconds = number('hold-seconds', schema, fields['hold-seconds'].value)
    return fieldset(name, cards(name, schema.default, ['frame', 'seconds'], 'flow'), schema) + seconds
  },
  size(name, schema) {
    return fieldset(name, cards(name, schema.default, offeredSizes, 'three', true), schema)
  },
  stamp(name, schema) {
    const all = wordsOf(schema)
    const kinds = all.filter((word) => !word.includes('@'))
    const places = [...new Set(all.filter((word) => word.includes('@')).map((word) => word.split('@')[1]))]
    return pair(choice(name, schema, kinds) + choice('stamp-place', { default: 'bottom-right' }, places))
  },
  /** What goes into what is in the schema's rules. */
  kind(name, schema, { allOf, properties }) {
    const pairs = allOf.flatMap((rule) =>
      rule.if.properties.codec && rule.then.properties.format
        ? rule.then.properties.format.enum.map((format) => ({ format, codec: rule.if.properties.codec.const }))
        : [],
    )
    const formats = pairs.map(({ format, codec }) => {
      const usual = codec === properties.codec.default && format === properties.format.default
      return option(`${format}+${codec}`, word('kind', `${format}+${codec}`), usual && `${format}+${codec}`)
    })
    return select(name, formats, { default: `${properties.format.default}+${properties.codec.default}` })
  },
}

function field(name, schema, whole) {
  const look = fields[name]?.look
  if (own[name]) return own[name](name, schema, whole)
  if (look === 'colour') return plain(name, schema, 'color')
  if (look === 'range') return range(name, schema)
  if (look === 'choice') return offered(name, schema)
  if (wordsOf(schema).includes(true)) return tick(name, schema)
  if (schema.enum) return choice(name, schema, schema.enum)
  if (boundsOf(schema)) return number(name, schema, look === 'seconds' ? 0 : schema.default)
  return plain(name, schema, 'text')
}

function checkWords({ properties }) {
  const known = new Set([...Object.keys(properties), ...Object.keys(together)])
  for (const name of groups.flatMap(({ names }) => names.flat()))
    if (!known.has(name)) throw new Error(`there is no setting '${name}'`)
  const sizes = wordsOf(properties.size)
  for (const size of offeredSizes) if (!sizes.includes(size)) throw new Error(`there is no size '${size}'`)
}

/** The form's parts by their place, as HTML. `catalogue`: the texts that the page has. @param {any} schema */
export function settingsForm(schema, catalogue) {
  texts = catalogue
  checkWords(schema)
  const { properties } = schema
  const placed = [...groups.flatMap(({ names }) => names.flat()), ...elsewhere, ...Object.values(together).flat()]
  const rest = Object.keys(properties).filter((name) => !placed.includes(name))
  const all = [...groups, ...(rest.length > 0 ? [{ place: 'more', title: 'group.other', names: rest }] : [])]
  const part = (place) =>
    all
      .filter((group) => group.place === place)
      .map(({ title, names }) => {
        const one = (name) => (Array.isArray(name) ? pair(name.map(one).join('')) : field(name, properties[name], schema))
        const inner = names.map(one).join('\n')
        return title ? `<section class="group"><h2 data-t="${title}"></h2>${inner}</section>` : inner
      })
      .join('\n')
  return Object.fromEntries(['basics', 'more'].map((place) => [place, part(place)]))
}
