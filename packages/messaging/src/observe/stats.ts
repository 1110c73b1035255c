/** What a client has done since it was made: plain counts, kept whether or not anybody collects metrics. */
export interface MessagingStats {
  /** Confirmed by the broker. */
  published: number
  /** Settled with an error. */
  publishFailed: number
  /** Handed over by the broker, redeliveries included. */
  consumed: number
  /** Deliveries in the pipeline right now. */
  inFlight: number
  handled: number
  /** Failed attempts that were followed by another one. */
  retried: number
  /** Put into a dead-letter topic. */
  dead: number
  /** Dead messages of subscriptions that keep none. */
  dropped: number
  /** Seen before and not handled again. */
  deduplicated: number
  /** Dropped unread because their time was over. */
  expired: number
  /** Given back to the broker unhandled: stops, lost connections, refused dead letters. */
  released: number
  /** Subscriptions begun anew because nothing came though messages waited. */
  resubscribed: number
}

export function emptyStats(): MessagingStats {
  return {
    published: 0,
    publishFailed: 0,
    consumed: 0,
    inFlight: 0,
    handled: 0,
    retried: 0,
    dead: 0,
    dropped: 0,
    deduplicated: 0,
    expired: 0,
    released: 0,
    resubscribed: 0,
  }
}
