import { FAULT_REGISTRIES } from '../fault-run/discovery/options.ts'

/** How many requests the long form of the leak test of `@comm/http` makes, over each transport. */
export const LEAK_REQUESTS = 100_000

/** How long the sink of `@comm/logging` stalls in the long form of its test. */
export const LOG_STALL_MS = 30_000

/**
 * What `pnpm soak` runs: the long forms of the fault runs, as words after `pnpm`, those of the leak test, as `leak TRANSPORT`, that of the
 * stalled sink, as `logs`, and a stream of one GiB through the gateway, as `stream gateway`.
 */
export const SOAK_RUNS: readonly string[] = Object.freeze([
  ...each('BROKER --messages 50000 --schedule all'),
  ...each('BROKER --messages 50000 --schedule all --ordered'),
  ...each('delay BROKER --messages 5000'),
  ...each('outage BROKER --seconds 60 --how stop'),
  ...each('outage BROKER --seconds 60 --how kill'),
  ...FAULT_REGISTRIES.map((registry) => `faults discovery ${registry} --seconds 30 --churn 60 --rate 200 --least 190`),
  'leak got',
  'leak undici',
  'logs',
  'stream gateway',
])

function each(words: string): readonly string[] {
  // A publisher does not see the type of the queues, and the in-memory broker cannot be away.
  const brokers = words.startsWith('outage')
    ? ['rabbit', 'kafka', 'redis-streams']
    : ['memory', 'rabbit --queue quorum', 'rabbit --queue classic', 'kafka', 'redis-streams']
  return brokers.map((broker) => `faults ${words.replace('BROKER', broker)}`)
}

/** @param only a word that the runs must have; undefined: all @param seed for those that are drawn by one */
export function selectRuns(only: string | undefined, seed: string | undefined): readonly string[] {
  return SOAK_RUNS.filter((words) => only === undefined || words.split(' ').includes(only)).map((words) =>
    seed === undefined || !words.includes('--schedule') ? words : `${words} --seed ${seed}`,
  )
}
