/** The long forms of the fault runs, as words after `pnpm faults`. */
export const SOAK_RUNS: readonly string[] = Object.freeze([
  ...each('BROKER --messages 50000 --schedule all'),
  ...each('BROKER --messages 50000 --schedule all --ordered'),
  ...each('delay BROKER --messages 5000'),
  ...each('outage BROKER --seconds 60 --how stop'),
  ...each('outage BROKER --seconds 60 --how kill'),
])

function each(words: string): readonly string[] {
  // A publisher does not see the type of the queues, and the in-memory broker cannot be away.
  const brokers = words.startsWith('outage')
    ? ['rabbit', 'kafka', 'redis-streams']
    : ['memory', 'rabbit --queue quorum', 'rabbit --queue classic', 'kafka', 'redis-streams']
  return brokers.map((broker) => words.replace('BROKER', broker))
}

/** @param only a word that the runs must have; undefined: all @param seed for those that are drawn by one */
export function selectRuns(only: string | undefined, seed: string | undefined): readonly string[] {
  return SOAK_RUNS.filter((words) => only === undefined || words.split(' ').includes(only)).map((words) =>
    seed === undefined || !words.includes('--schedule') ? words : `${words} --seed ${seed}`,
  )
}
