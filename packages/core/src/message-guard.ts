import type { Principal } from './principal.ts'

type MessageHeaders = Readonly<Record<string, string | Uint8Array>>

/** A message that is about to be given to the broker; its headers are in place already. */
export interface OutgoingMessage {
  readonly topic: string
  readonly headers: MessageHeaders
  readonly body: Uint8Array
}

/** A message that has come and was not read yet. Nothing in it is to be trusted. */
export interface IncomingMessage {
  readonly topic: string
  /** The consuming group; for a subscription with a copy of its own a name that no other has. */
  readonly group: string
  readonly id: string
  readonly headers: MessageHeaders
  readonly body: Uint8Array
  /** The broker says that it has delivered this very record before. */
  readonly redelivered: boolean
}

/** How an incoming message was let through. */
export interface Admission {
  /** Whom it comes from; the handler finds it in its call context. */
  readonly principal?: Principal
  /** Handled before, and delivered again by the broker: it is acknowledged unhandled. */
  readonly isDuplicate?: true
  /** Called once, when it was handled or was not, before that is settled with the broker. Never rejects. */
  readonly settled?: (handled: boolean) => void | Promise<void>
}

/**
 * Stands between a message client and its broker: adds headers to what goes out, decides what is let in. Wherever a method throws
 * a CommunicationError the message is refused: one that goes out fails its publish; one that has come in goes to the dead-letter
 * topic, or waits a while and comes again when the error is retryable.
 */
export interface MessageGuard {
  /** @returns headers to add */
  outgoing?(message: OutgoingMessage): MessageHeaders | Promise<MessageHeaders>
  incoming?(message: IncomingMessage): Admission | Promise<Admission>
  /** Before a subscription begins. @param topics patterns when `pattern` */
  subscribing?(topics: readonly string[], pattern: boolean): void
}
