// An HTTP server that serves `workers` requests at once, each for `serviceMs`, and lets the others wait; it tells its port by IPC. Like
// most servers it does not notice that a client has given up.
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

const [workers, serviceMs] = process.argv.slice(2).map(Number) as [number, number]
const waiting: (() => void)[] = []
let busy = 0

function serve(answer: () => void): void {
  busy++
  setTimeout(() => {
    busy--
    answer()
    waiting.shift()?.()
  }, serviceMs)
}

const server = createServer((_request, response) => {
  const begin = (): void => serve(() => response.end('done'))
  if (busy < workers) begin()
  else waiting.push(begin)
})
server.listen(0, '127.0.0.1', () => process.send?.((server.address() as AddressInfo).port))
process.on('disconnect', () => process.exit())
