// One instance of a service, in a process of its own: `instance-main.ts <service ms> <late ms> <workers>`. Writes its port when it listens.
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { argv, stdout } from 'node:process'
import { setTimeout as sleep } from 'node:timers/promises'

const [serviceMs = 20, lateMs = 0, workers = Number.POSITIVE_INFINITY] = argv.slice(2).map(Number)
const queue: (() => void)[] = []
let busy = 0

/** So many requests are worked on at once; the rest waits, whether or not its client still does. */
async function work(): Promise<void> {
  if (busy >= workers) await new Promise<void>((resolve) => queue.push(resolve))
  else busy++
  await sleep(serviceMs)
  const next = queue.shift()
  if (next === undefined) busy--
  else next()
}

const server = createServer(async (_, response) => {
  await work()
  if (lateMs > 0) await sleep(lateMs)
  response.end('ok')
})
server.keepAliveTimeout = 60_000
server.listen(0, '127.0.0.1', () => stdout.write(`${(server.address() as AddressInfo).port}\n`))
