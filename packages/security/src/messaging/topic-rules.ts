import { AuthorizationError, ConfigurationError, matchesPattern, type Principal, topicWords } from '@comm/core'
import { arrayOf, checkOptions, nonEmptyText, required } from '@comm/core/options'

/** Who may write to and read from a topic, or the topics of a pattern (`order.#`). The first rule that fits a topic counts. */
export interface TopicRule {
  /** `*` stands for one dot-separated word, `#` for any number of them. */
  readonly topic: string
  /** Scopes that whoever signed a message must have, all of them; `[]`: every known signer. @default nobody may */
  readonly publish?: readonly string[]
  /** Scopes that a consumer must have. @default nobody may */
  readonly consume?: readonly string[]
}

type Act = 'publish' | 'consume'

export class TopicRules {
  readonly #rules: readonly (TopicRule & { readonly words: readonly string[] })[]

  /** @throws ConfigurationError */
  constructor(rules: readonly TopicRule[]) {
    if (!Array.isArray(rules)) throw new ConfigurationError('signedMessages.topics must be an array of rules')
    for (const [at, rule] of rules.entries()) {
      checkOptions<TopicRule>(`signedMessages.topics[${at}]`, rule, {
        topic: required(nonEmptyText),
        publish: arrayOf(nonEmptyText),
        consume: arrayOf(nonEmptyText),
      })
    }
    this.#rules = rules.map((rule: TopicRule) => ({ ...rule, words: topicWords(rule.topic) }))
  }

  /** @throws AuthorizationError naming what is missing */
  check(principal: Principal | undefined, act: Act, topic: string): void {
    const reason = this.#whyNot(principal, act, topic)
    if (reason === undefined) return
    const subject = principal?.subject ?? 'nobody'
    throw new AuthorizationError(`${subject} may not ${act} ${topic}: ${reason}`, {
      details: { reason, subject, action: act, resource: topic },
    })
  }

  #whyNot(principal: Principal | undefined, act: Act, topic: string): string | undefined {
    const words = topicWords(topic)
    const rule = this.#rules.find((each) => matchesPattern(each.words, words))
    if (rule === undefined) return 'no rule is there for the topic'
    const needed = rule[act]
    if (needed === undefined) return `the rule for ${rule.topic} lets nobody ${act}`
    if (principal === undefined) return 'it is not known who it is'
    const missing = needed.filter((scope) => !principal.scopes.includes(scope))
    return missing.length === 0 ? undefined : `it lacks the scope ${missing.join(', ')}`
  }
}
