/**
 * Which package may use which: those of the rows above its own, never of its own row or below. A package that is missing here
 * is refused, so that a new one has to take its place.
 */
export const LAYERS: readonly (readonly string[])[] = [
  ['core'],
  ['config', 'logging', 'telemetry', 'security', 'messaging', 'redis-stores', 'contracts'],
  ['kafka-driver', 'rabbit-driver', 'discovery'],
  ['http', 'grpc', 'messaging-rabbit', 'messaging-kafka', 'messaging-redis'],
  ['gateway', 'mesh'],
  ['manager'],
  ['cli'],
]

/** Stricter than the layers: who alone may use these. Tests, applications and the bench may use everything. */
export const ONLY_FOR: Readonly<Record<string, readonly string[]>> = {
  // The manager turns configuration into the plain options of the others.
  config: ['manager', 'cli'],
  // A package that declares testkit, which declares it, is a cycle that no build can order.
  testkit: [],
}

/** Above every layer, used by none of them. */
export const ABOVE_ALL: readonly string[] = ['testkit']
