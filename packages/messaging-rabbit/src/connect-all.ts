export interface Connecting {
  connect(signal: AbortSignal): Promise<void>
  close(): Promise<void>
}

/** Connects all of them, or none: nothing is left behind. @throws what the first that fails throws */
export async function connectAll(connections: readonly Connecting[], signal: AbortSignal): Promise<void> {
  const attempts = connections.map((connection) => connection.connect(signal))
  try {
    await Promise.all(attempts)
  } catch (thrown) {
    await Promise.all(connections.map((connection) => connection.close()))
    await Promise.allSettled(attempts)
    throw thrown
  }
}
