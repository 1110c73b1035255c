import { randomUUID } from 'node:crypto'
import { absorb, type Link, NOT_FOUND } from '@comm/rabbit-driver'

/** As RabbitMQ names them: `x-queue-type` and so on. */
export type QueueArguments = Record<string, unknown>

/** For a helper whose maker did not live to delete it. */
const HELPER_EXPIRES_MS = 60_000

/**
 * Makes durable queues, or finds them as they are, by name. Bind them only afterwards: a quorum queue is worth its name on disk when this
 * resolves, not before.
 *
 * RabbitMQ (seen on 3.10.8 and 4.0.5) writes which log belongs to which quorum queue to disk up to three seconds after it made the queue.
 * Killed before, it starts that queue anew, empty and without a leader for ever, whatever it has confirmed. Making another quorum queue
 * looks the name up, which makes Erlang's `dets` write what is outstanding first.
 *
 * @throws what amqplib throws
 */
export async function declareQueues(link: Link, queues: Readonly<Record<string, QueueArguments>>): Promise<void> {
  const made = await Promise.all(Object.entries(queues).map(([name, args]) => declareQueue(link, name, args)))
  if (made.includes('quorum')) await makeHelper(link)
}

/** Proves that RabbitMQ makes quorum queues, and has written the names of those that it made before. @throws what amqplib throws */
export async function makeHelper(link: Link): Promise<void> {
  await link.onChannel(async (channel) => {
    const helper = `comm.helper.${randomUUID()}`
    await channel.assertQueue(helper, { durable: true, arguments: { 'x-queue-type': 'quorum', 'x-expires': HELPER_EXPIRES_MS } })
    await channel.deleteQueue(helper)
  })
}

/** @returns the type of a queue that was not there before */
async function declareQueue(link: Link, name: string, args: QueueArguments): Promise<unknown> {
  const found = await link.onChannel((channel) => channel.checkQueue(name)).catch(absorb(NOT_FOUND))
  await link.onChannel((channel) => channel.assertQueue(name, { durable: true, arguments: args }))
  return found ? undefined : args['x-queue-type']
}
