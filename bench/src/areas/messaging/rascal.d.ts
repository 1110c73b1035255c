/** What the bench uses of rascal, which has no types. */
declare module 'rascal' {
  import type { EventEmitter } from 'node:events'

  interface BrokerAsPromised extends EventEmitter {
    publish(publication: string, payload: unknown, overrides: object): Promise<EventEmitter>
    subscribe(subscription: string): Promise<SubscriberSession>
    shutdown(): Promise<void>
  }

  interface SubscriberSession extends EventEmitter {
    on(event: 'message', listener: (message: unknown, content: unknown, ackOrNack: () => void) => void): this
    cancel(): Promise<void>
  }

  const rascal: {
    readonly BrokerAsPromised: { create(config: object): Promise<BrokerAsPromised> }
    withDefaultConfig(config: object): object
  }

  export type { BrokerAsPromised }
  export default rascal
}
