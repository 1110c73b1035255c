import type { ServerResponse } from 'node:http'
import type { SliceStore, StoredEvent, StoredObject } from './slice-store.ts'
import { status } from './status.ts'

export interface WatchRequest {
  readonly version: number
  readonly bookmarks: boolean
  readonly timeoutMs: number
  readonly bookmarkMs: number
  readonly onBookmark: () => void
  readonly accepts: (object: StoredObject) => boolean
}

/** One answer to `?watch=1`: what has happened since, then what happens, a bookmark now and then, an end in good order. */
export function serveWatch(response: ServerResponse, store: SliceStore, request: WatchRequest): void {
  const { version, bookmarks, timeoutMs, bookmarkMs, onBookmark, accepts } = request
  const write = (line: object): void => void response.write(`${JSON.stringify(line)}\n`)
  response.writeHead(200, { 'content-type': 'application/json' })
  response.flushHeaders()
  const past = store.since(version)
  if (past === undefined) {
    // As the API server does it: the watch begins, and says at once that it cannot go on.
    write({ type: 'ERROR', object: status(410, 'Expired', `too old resource version: ${version} (${store.version})`) })
    response.end()
    return
  }
  const send = (event: StoredEvent): void => {
    if (accepts(event.object)) write(event)
  }
  const bookmark = (): void => {
    if (!bookmarks) return
    onBookmark()
    const metadata = { resourceVersion: String(store.version), creationTimestamp: null }
    write({
      type: 'BOOKMARK',
      object: { kind: 'EndpointSlice', apiVersion: 'discovery.k8s.io/v1', metadata, endpoints: null, ports: null },
    })
  }
  for (const event of past) send(event)
  const stop = store.listen(send)
  const ticking = setInterval(bookmark, bookmarkMs)
  const end = setTimeout(() => {
    bookmark()
    response.end()
  }, timeoutMs)
  response.once('close', () => {
    stop()
    clearInterval(ticking)
    clearTimeout(end)
  })
}
