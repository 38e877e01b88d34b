// Saves the film. The store is another origin, where a link alone would only open it; so it is fetched
// and handed to the browser as a file.

const MAX_BYTES = 1_500_000_000 // larger ones are left to the browser: they need not fit twice

/** @param {string} url @param {(bytes: number) => void} onBytes */
async function read(url, onBytes) {
  const response = await fetch(url)
  if (!response.ok || !response.body) throw new Error(`status ${response.status}`)
  let bytes = 0
  const counted = response.body.pipeThrough(
    new TransformStream({
      transform(portion, controller) {
        bytes += portion.length
        onBytes(bytes)
        controller.enqueue(portion)
      },
    }),
  )
  return new Response(counted, { headers: { 'Content-Type': response.headers.get('Content-Type') ?? 'video/mp4' } }).blob()
}

function save(url, name) {
  const link = document.createElement('a')
  link.href = url
  link.download = name
  link.rel = 'noopener'
  link.click()
}

/** Gives false where the film was opened instead of saved.
 * @param {string} url @param {number} bytes @param {string} name @param {(share: number) => void} onShare */
export async function download(url, bytes, name, onShare) {
  if (bytes > MAX_BYTES) {
    save(url, name)
    return false
  }
  const file = URL.createObjectURL(await read(url, (done) => onShare(bytes > 0 ? done / bytes : 0)))
  save(file, name)
  setTimeout(() => URL.revokeObjectURL(file), 60_000)
  return true
}
