// The settings' JSON Schema as a validator that is not ours.
import { readFileSync } from 'node:fs'
import path from 'node:path'
import Ajv2020 from 'ajv/dist/2020.js'
import { root } from './server.mjs'

const read = (name) => JSON.parse(readFileSync(path.join(root, 'docs', name), 'utf8'))

/** Strict: a keyword that it does not know is an error. */
const validator = () => new Ajv2020({ strict: true, strictRequired: false, strictTypes: false })

export const settingsValidator = () => validator().compile(read('settings.schema.json'))

/** Of a component of the API's description. @param {string} name */
export function componentValidator(name) {
  const ajv = validator()
  ajv.addFormat('uri', true).addFormat('uri-reference', true).addFormat('date-time', true)
  ajv.addVocabulary(['components'])
  const { components } = read('openapi.json')
  return ajv.compile({ $ref: `#/components/schemas/${name}`, components })
}
