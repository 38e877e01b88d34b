// HEIC in browsers that cannot decode it themselves, by libheif as WebAssembly.
import libheif from 'libheif-js/libheif-wasm/libheif.js'
import wasm from 'libheif-js/libheif-wasm/libheif.wasm'

const MAX_PIXELS = 100_000_000

const loaded = fetch(new URL(wasm, import.meta.url))
  .then((response) => response.arrayBuffer())
  .then((wasmBinary) => libheif({ wasmBinary }))

export async function decodeHeic(bytes: ArrayBuffer): Promise<ImageData> {
  const module = await loaded
  const images = new module.HeifDecoder().decode(new Uint8Array(bytes))
  const [image] = images
  if (!image) throw new Error('no picture in it')
  try {
    const width = image.get_width()
    const height = image.get_height()
    if (width * height > MAX_PIXELS || width * height === 0) throw new Error('too large')
    const pixels = new ImageData(width, height)
    await new Promise<void>((resolve, reject) =>
      image.display(pixels, (done) => (done ? resolve() : reject(new Error('not decodable')))),
    )
    return pixels
  } finally {
    for (const each of images) each.free()
  }
}
