import { checkOptions, type Rule, type Rules } from '@comm/core/options'
import { CLIENT_RULES, type MessageClientOptions } from '../options/client-options.ts'

/**
 * Tells the options of a message client from those of its adapter; a broker's client takes both in one object. Some, such as the
 * logger, go to both.
 * @param what names the options in messages
 * @param adapterRules names what the adapter takes
 * @throws ConfigurationError
 */
export function splitClientOptions<Adapter extends object>(
  what: string,
  options: NoInfer<Adapter> & MessageClientOptions,
  adapterRules: Rules<Adapter>,
): { readonly adapter: Adapter; readonly client: MessageClientOptions } {
  checkOptions<object>(what, options, { ...CLIENT_RULES, ...adapterRules })
  return { adapter: pick(options, adapterRules) as Adapter, client: pick(options, CLIENT_RULES) }
}

function pick(options: object, rules: Readonly<Record<string, Rule>>): object {
  return Object.fromEntries(Object.entries(options).filter(([name]) => Object.hasOwn(rules, name)))
}
