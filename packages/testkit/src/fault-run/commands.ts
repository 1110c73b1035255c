import type { Command } from './command.ts'
import { DELAY_RUN_DEFAULTS, type DelayRunOptions } from './delay/options.ts'
import { runDelay } from './delay/run.ts'
import { DISCOVERY_RUN_DEFAULTS, type DiscoveryRunOptions, FAULT_REGISTRIES } from './discovery/options.ts'
import { runDiscovery } from './discovery/run.ts'
import { BROKERS, FAULT_KINDS, FAULT_RUN_DEFAULTS, type FaultRunOptions } from './options.ts'
import { OUTAGE_RUN_DEFAULTS, type OutageRunOptions } from './outage/options.ts'
import { runOutage } from './outage/run.ts'
import { runFaults } from './run.ts'

const QUEUE = `--queue TYPE      RabbitMQ: quorum or classic (${FAULT_RUN_DEFAULTS.queue})`

/** `pnpm faults <broker>`. */
export const FAULTS: Command = {
  usage: `faults <${BROKERS.join('|')}>: producers and consumers while one fault after the other befalls the broker or them

  --ordered         retries wait in their lane; a single active consumer where order needs one
  ${QUEUE}
  --messages N      how many (${FAULT_RUN_DEFAULTS.messages})
  --seed S          decides faults and failures (${FAULT_RUN_DEFAULTS.seed})
  --schedule KIND   all, ${FAULT_KINDS.join(', ')} (${FAULT_RUN_DEFAULTS.schedule})

  Fails when a confirmed message was lost, an order that is promised was broken, or memory grew.
`,
  options: {
    ordered: { type: 'boolean' },
    queue: { type: 'string' },
    messages: { type: 'string' },
    seed: { type: 'string' },
    schedule: { type: 'string' },
  },
  numbers: ['messages', 'seed'],
  run: (given, say) => runFaults(given as unknown as FaultRunOptions, say),
}

/** By the word before the broker. */
export const NAMED_COMMANDS: Readonly<Record<string, Command>> = {
  delay: {
    usage: `faults delay <${BROKERS.join('|')}>: kill -9 and restart while every message waits for its retry

  ${QUEUE}
  --messages N      how many (${DELAY_RUN_DEFAULTS.messages})

  Fails when one is not handled.
`,
    options: { queue: { type: 'string' }, messages: { type: 'string' } },
    numbers: ['messages'],
    run: (given, say) => runDelay(given as unknown as DelayRunOptions, say),
  },
  discovery: {
    usage: `faults discovery <${FAULT_REGISTRIES.join('|')}>: the registry is away while clients call, an instance dies, many come and go

  --seconds N       how long the registry is away, each time (${DISCOVERY_RUN_DEFAULTS.seconds})
  --churn N         seconds for which instances come and go (${DISCOVERY_RUN_DEFAULTS.churn})
  --rate N          registrations and deregistrations a second, together (${DISCOVERY_RUN_DEFAULTS.rate})
  --least N         that the registry must take of them (${DISCOVERY_RUN_DEFAULTS.least})

  Fails when a call failed, a registration was not back within two heartbeats, a dead instance was listed for more than a second after
  its time to live, a new one was not called within two seconds, or lists did not become right.
`,
    options: { seconds: { type: 'string' }, churn: { type: 'string' }, rate: { type: 'string' }, least: { type: 'string' } },
    numbers: ['seconds', 'churn', 'rate', 'least'],
    run: (given, say) => runDiscovery(given as unknown as DiscoveryRunOptions, say),
  },
  outage: {
    usage: `faults outage <${BROKERS.filter((broker) => broker !== 'memory').join('|')}>: the broker is away while messages are offered

  --how HOW         stop or kill (${OUTAGE_RUN_DEFAULTS.how})
  --seconds N       how long (${OUTAGE_RUN_DEFAULTS.seconds})
  --rate N          messages offered a second (${OUTAGE_RUN_DEFAULTS.rate})
  --buffer N        messages that the publish buffer holds (${OUTAGE_RUN_DEFAULTS.buffer})
  ${QUEUE}

  Fails when memory grew by more than the buffer, a message too many was not refused at once, an accepted one did not arrive, or
  health was not red and green in time.
`,
    options: {
      how: { type: 'string' },
      seconds: { type: 'string' },
      rate: { type: 'string' },
      buffer: { type: 'string' },
      queue: { type: 'string' },
    },
    numbers: ['seconds', 'rate', 'buffer'],
    run: (given, say) => runOutage(given as unknown as OutageRunOptions, say),
  },
}
