declare module '*.wasm' {
  const address: string
  export default address
}

declare module 'libheif-js/libheif-wasm/libheif.js' {
  interface HeifImage {
    get_width(): number
    get_height(): number
    display(pixels: ImageData, done: (pixels: ImageData | null) => void): void
    free(): void
  }
  interface Libheif {
    HeifDecoder: new () => { decode(bytes: Uint8Array): HeifImage[] }
  }
  export default function libheif(options: { wasmBinary: ArrayBuffer }): Promise<Libheif>
}

declare module 'exifr/dist/lite.esm.mjs' {
  /** The package's own types do not know that a segment may be a list of its tags. */
  export function parse(file: Blob, options: { exif: string[]; reviveValues: boolean }): Promise<Record<string, unknown> | undefined>
}
