// Saves the film. The store is another origin, where a link alone would only open it; so it is fetched
// and handed to the browser as a file.

const MAX_BYTES = 1_500_000_000 // larger ones are left to the browser: they need not fit twice

/** @param onShare how much of it is there, 0 to 1 */
export async function fetchFile(url: string, bytes: number, onShare: (share: number) => void) {
  const response = await fetch(url)
  if (!response.ok || !response.body) throw new Error(`status ${response.status}`)
  let got = 0
  const counted = response.body.pipeThrough(
    new TransformStream<Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>>({
      transform(portion, controller) {
        got += portion.length
        onShare(bytes > 0 ? Math.min(1, got / bytes) : 0)
        controller.enqueue(portion)
      },
    }),
  )
  return new Response(counted, { headers: { 'Content-Type': response.headers.get('Content-Type') ?? 'video/mp4' } }).blob()
}

function save(url: string, name: string) {
  const link = document.createElement('a')
  link.href = url
  link.download = name
  link.rel = 'noopener'
  link.click()
}

export async function download(url: string, bytes: number, name: string, onShare: (share: number) => void) {
  if (bytes > MAX_BYTES) return save(url, name)
  const file = URL.createObjectURL(await fetchFile(url, bytes, onShare))
  save(file, name)
  setTimeout(() => URL.revokeObjectURL(file), 60_000)
}
