// The API's documents, as far as the page reads them (docs/openapi.json).

export type State = 'waiting' | 'rendering' | 'finishing' | 'done' | 'failed' | 'cancelled'

export interface Receipt {
  name: string
  warnings: string[]
  refused: string | null
}

export interface Output {
  kind: 'video' | 'poster'
  url: string | null
  bytes: number
  width: number
  height: number
  format?: string
  frames?: number
  seconds?: number
  expires_at: string | null
}

export interface Status {
  id: string
  state: State
  images: { expected: number | null; arrived: number }
  frames: { done: number; total: number }
  eta_seconds: number | null
  cost?: { gb_seconds: number; usd: number | null } | null
  receipts: { url: string | null; refused: Receipt[]; warnings: number }
  error: { code: string; detail: string | null; image: string | null } | null
  outputs: Output[]
}

export interface ManifestImage {
  name: string
  size?: number
  type?: string
  hold?: number
  rotate?: number
  caption?: string
}

export type Settings = Record<string, string | number | boolean>

export interface Manifest {
  version: 1
  images: ManifestImage[]
  assets?: { name: string; size: number; type?: string }[]
  settings: Settings
}

/** Who may see a job: its token, or the owner's. */
export interface Job {
  id: string
  token: string
  /** Where it can be followed; '' where the server did not say. */
  live: string
}

export interface SignedUpload {
  name: string
  url: string
  headers: Record<string, string>
  expires_at: string
}

export interface Listed {
  id: string
  created_at: string
  state: State
}

export const ended = (state: State) => state === 'done' || state === 'failed' || state === 'cancelled'
export const outputOf = (status: Status, kind: Output['kind']) => status.outputs.find((output) => output.kind === kind)
