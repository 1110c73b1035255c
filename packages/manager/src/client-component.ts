import { type Component, UP } from '@comm/core'

/** The steps of a component's life that a client may have under the same names. */
export type ManagedClient = Omit<Component, 'name'> & { [Symbol.asyncDispose]?(): PromiseLike<void> }

/**
 * A client as a component of the lifecycle; a step that the client does not have is no step.
 * @param client the one of the moment
 */
export function clientComponent(name: string, client: () => ManagedClient): Component {
  return {
    name,
    start: (signal) => client().start?.(signal),
    stopIntake: (signal) => client().stopIntake?.(signal),
    drain: (signal) => client().drain?.(signal),
    flush: (signal) => client().flush?.(signal),
    close: (signal) => closeClient(client(), signal),
    health: (signal) => client().health?.(signal) ?? UP,
  }
}

export async function closeClient(client: ManagedClient, signal: AbortSignal): Promise<void> {
  if (client.close !== undefined) await client.close(signal)
  else await client[Symbol.asyncDispose]?.()
}
