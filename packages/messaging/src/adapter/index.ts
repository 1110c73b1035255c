/**
 * What broker adapters share beyond their wiring: the checks at their door, credits and lanes, answers to a publish, subscriptions that
 * outlive connections, and the words of their errors. None of it decides what becomes of a message.
 */
export { headersFromJson, headersToJson } from '../header-json.ts'
export { matchesTopic } from '../topic-pattern.ts'
export { pause, unlessAborted, withinLimit, withTimeLimit } from '../wait.ts'
export { AckBatch } from './ack-batch.ts'
export { splitClientOptions } from './client-options.ts'
export { DueQueue } from './due-queue.ts'
export { type AdapterErrors, adapterErrors, allRefused, maybeStored, refused, STORED, unsupported } from './errors.ts'
export { NO_FEATURES } from './features.ts'
export { Fifo } from './fifo.ts'
export { HandoverConsumer, type HandoverParts } from './handover-consumer.ts'
export { type Handed, Intake } from './intake.ts'
export { laneOf } from './lane.ts'
export { type AdapterConnection, LinkedAdapter, type LinkedAdapterParts } from './linked-adapter.ts'
export { Once } from './once.ts'
export { PublishAnswers } from './publish-answers.ts'
export { type LinkConsumer, type ReopeningParts, ReopeningSubscription } from './reopening-subscription.ts'
export { SERVER_DEFAULTS, SERVER_RULES, type ServerOptions, serversOf } from './server-options.ts'
export { type Content, type SettleAnswer, type Settlement, type Source, SourceDelivery } from './source-delivery.ts'
export { checkSubscribe } from './subscribe-request.ts'
export { Subscriptions } from './subscriptions.ts'
