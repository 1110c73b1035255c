import type { CaseOf, ThemeOf } from '../contract/define.ts'
import type { BrokerUnderTest } from './broker-under-test.ts'
import type { CaseContext } from './case-context.ts'

type Flag =
  | 'durable'
  | 'groups'
  | 'patterns'
  | 'delay'
  | 'priority'
  | 'countsRedeliveries'
  | 'headers'
  | 'replay'
  | 'detectsUnroutable'
type Hook = 'sever' | 'outage' | 'deleteTopic'

/**
 * `order`: kept at least with a single active consumer. `laneOrder`: kept per lane over competing consumers. `denial`: the
 * features deny something that a subscribe request can ask for.
 */
export type Need = Flag | Hook | 'order' | 'laneOrder' | 'maxBodyBytes' | 'denial' | 'admin' | 'admin.remove'

export interface ContractCase extends CaseOf<CaseContext> {
  readonly needs?: readonly Need[]
}

export type ContractTheme = ThemeOf<ContractCase>

/** Why the case cannot run on this broker; undefined when it can. */
export function reasonToSkip(
  broker: BrokerUnderTest,
  { id, needs = [] }: Pick<ContractCase, 'id' | 'needs'>,
): string | undefined {
  const given = broker.skip?.[id]
  if (given !== undefined) return given
  for (const need of needs) {
    const reason = missing(broker, need)
    if (reason !== undefined) return reason
  }
  return undefined
}

function missing({ features, ...hooks }: BrokerUnderTest, need: Need): string | undefined {
  switch (need) {
    case 'order':
      return features.ordering === 'none' ? "features.ordering is 'none'" : undefined
    case 'laneOrder':
      return features.ordering === 'partition' ? undefined : `features.ordering is '${features.ordering}'`
    case 'maxBodyBytes':
      return features.maxBodyBytes === undefined ? 'features.maxBodyBytes is not set' : undefined
    case 'denial':
      return features.patterns && features.groups ? 'the features deny nothing' : undefined
    case 'sever':
    case 'outage':
    case 'deleteTopic':
      return hooks[need] === undefined ? `the hook ${need} was not given` : undefined
    case 'admin':
      return hooks.admin === 'none' ? "admin is 'none'" : undefined
    case 'admin.remove':
      return hooks.admin === undefined || hooks.admin === 'full' ? undefined : `admin is '${hooks.admin}'`
    default:
      return features[need] ? undefined : `features.${need} is false`
  }
}
