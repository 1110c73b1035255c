import { pipeline, type Readable, Transform, type TransformCallback } from 'node:stream'

/**
 * Lets a body through and keeps a copy of it, as long as that is no longer than `maxBytes`. The result ends only after `onWhole`
 * has settled; a body that breaks off is not kept.
 */
export function tee(source: Readable, maxBytes: number, onWhole: (body: Uint8Array) => Promise<void>): Readable {
  let chunks: Uint8Array[] | undefined = []
  let size = 0
  const through = new Transform({
    transform(chunk: Uint8Array, _encoding, done: TransformCallback): void {
      size += chunk.byteLength
      if (size > maxBytes) chunks = undefined
      chunks?.push(chunk)
      done(null, chunk)
    },
    flush(done: TransformCallback): void {
      if (chunks === undefined) return done()
      onWhole(Buffer.concat(chunks)).then(
        () => done(),
        () => done(),
      )
    },
  })
  source.once('error', (thrown) => through.destroy(thrown))
  pipeline(source, through, () => undefined)
  return through
}
