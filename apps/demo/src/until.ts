import { sleep } from '@comm/core'

/** Looks until the fact is there, or thirty seconds have passed. Tells which. */
export async function until(fact: () => boolean | Promise<boolean>): Promise<boolean> {
  const giveUpAt = performance.now() + 30_000
  while (!(await fact())) {
    if (performance.now() > giveUpAt) return false
    await sleep(5)
  }
  return true
}
