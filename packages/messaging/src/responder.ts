import { type Clock, CommunicationError, type Logger, type MessageGuard } from '@comm/core'
import type { BrokerAdapter, Delivery, Subscription } from './broker.ts'
import { open } from './envelope.ts'
import { type Headers, IN_REPLY_TO, REPLY_STATUS, REPLY_TO, textOf } from './headers.ts'
import { Message, type MessageInfo } from './message.ts'
import { EXPIRED, verdictOf } from './outcome.ts'
import { passOutside } from './pipeline/admit.ts'
import type { Handler, PipelineParts } from './pipeline/step.ts'
import type { Publisher } from './publisher.ts'
import { errorReply } from './remote-error.ts'
import { cancelTopic } from './request-reply.ts'
import type { HandlerSubscription } from './subscription.ts'
import { portableName } from './topic.ts'

/** Group of responders that name none: each request goes to one of them. */
export const RESPONDERS = 'responders'

/** Makes a handler out of a responder: what it returns is published to whoever asked, and what it throws as well. */
export function responder(
  respond: Handler,
  publisher: Publisher,
  logger: Logger,
): Required<Pick<PipelineParts, 'handler' | 'bury'>> {
  const reply = (to: string, message: MessageInfo, body: unknown, status: 'ok' | 'error'): Promise<void> =>
    publisher
      .publish(to, body, { correlationId: message.correlationId }, { [IN_REPLY_TO]: message.id, [REPLY_STATUS]: status })
      .catch((thrown: unknown) => {
        // Whoever asked is gone. To ignore that beforehand would make its topic anew where topics are kept.
        if (CommunicationError.from(thrown).code !== 'COMM_UNROUTABLE') throw thrown
      })
  return {
    async handler(body, meta) {
      const answer = await respond(body, meta)
      if (verdictOf(answer) !== undefined) return answer
      const to = replyTopic(meta.headers)
      // A plain message: nobody waits for an answer.
      if (to !== undefined && !meta.signal.aborted) await reply(to, meta, answer ?? null, 'ok')
      return undefined
    },
    async bury(message, error) {
      const to = replyTopic(message.headers)
      logger.warn(`request ${message.id} to ${message.topic} failed`, { error, answered: to !== undefined })
      if (to === undefined) return
      await reply(to, message, errorReply(error, message.topic), 'error').catch((refused: unknown) => {
        logger.error(`the error of request ${message.id} to ${message.topic} could not be sent`, { error: refused })
      })
    },
  }
}

/** The header comes from outside: anything but a topic name is as good as none. */
function replyTopic(headers: Headers): string | undefined {
  const name = textOf(headers[REPLY_TO])
  return portableName.accepts(name) ? name : undefined
}

/** Cancellations handed over and not yet looked at; they are settled at once. */
const CANCEL_CREDITS = 100

/** Listens for requesters that gave up; the signal of the handler that works for one aborts. */
export function listenForCancels(
  adapter: BrokerAdapter,
  topic: string,
  subscription: HandlerSubscription,
  { clock, guards }: { readonly clock: Clock; readonly guards: readonly MessageGuard[] },
): Promise<Subscription> {
  const request = { topics: [cancelTopic(topic)], maxUnsettled: CANCEL_CREDITS, lanes: 'none' } as const
  return adapter.subscribe(request, (delivery: Delivery) => {
    void delivery.settle('ack')
    heed(delivery).catch(() => {
      // Not one of ours, or of nobody whom a guard lets in.
    })
  })

  async function heed(delivery: Delivery): Promise<void> {
    const content = open(adapter.features, delivery)
    const id = textOf(content.headers[IN_REPLY_TO])
    if (id === undefined) return
    if (guards.length > 0) await passOutside(guards, new Message(delivery, undefined, content, clock.wall()))
    subscription.abort(new CommunicationError('the requester has given up', { code: 'COMM_ABORTED' }), EXPIRED, id)
  }
}
