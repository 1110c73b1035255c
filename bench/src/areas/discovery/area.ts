import type { Area } from '@comm/bench/area'

const READS = import.meta.resolve('./reads.ts')
const UPDATES = import.meta.resolve('./updates.ts')
const MAP = 'a Map of arrays'
const HUNDRED = '@comm/discovery, 100 instances'
const THOUSAND = '@comm/discovery, 1000 instances'
/** Of one read of a list that is followed, filtered or not. */
const MOST_NS = 20
/** A change of one among a thousand, from the registry to whoever watches. */
const MOST_UPDATE_US = 2000

const read = (name: string, how: string) => ({ name, module: READS, parameters: { how } })

/** An operation of `read …` is a thousand reads of a followed service of 1,000 instances, one of `update …` a change of one instance. */
export const area: Area = {
  name: 'discovery',
  packages: ['discovery'],
  works: [
    {
      name: 'read 1000 instances',
      baseline: MAP,
      contenders: [
        read(MAP, 'map'),
        read('@comm/discovery, resolver', 'resolver'),
        read('@comm/discovery, resolver with a filter', 'filtered'),
        read('@comm/discovery, resolve()', 'resolve'),
      ],
      limits: [
        { contender: '@comm/discovery, resolver', atMostCpuUs: MOST_NS },
        { contender: '@comm/discovery, resolver with a filter', atMostCpuUs: MOST_NS },
      ],
    },
    {
      name: 'update one instance',
      baseline: HUNDRED,
      contenders: [
        { name: HUNDRED, module: UPDATES, parameters: { count: 100 } },
        { name: THOUSAND, module: UPDATES, parameters: { count: 1000 } },
      ],
      limits: [
        { contender: THOUSAND, atMostCpuUs: MOST_UPDATE_US },
        // A list is read whole: what one change costs grows with the list, and no faster.
        { contender: THOUSAND, atMost: 15, timesOf: HUNDRED },
      ],
    },
  ],
}
