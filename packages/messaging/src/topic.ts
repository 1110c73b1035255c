import { checkArgument, type Rule } from '@comm/core/options'
import { matching, standardSchema } from '@comm/core/schema'
import type { StandardSchemaV1 } from '@standard-schema/spec'

/** A topic whose messages have a type: what publishers give (`Input`) and what handlers get (`Output`). */
export interface Topic<Input = unknown, Output = Input> {
  readonly name: string
  readonly schema: StandardSchemaV1<Input, Output>
}

const LONGEST_NAME = 100
const NAME = /^[\w-]+(?:\.[\w-]+)*$/
const PATTERN = /^(?:[\w-]+|\*|#)(?:\.(?:[\w-]+|\*|#))*$/

/** Names that every broker can hold, also both together and with what dead-letter and retry topics append: Kafka takes 249 characters. */
export const portableName: Rule = {
  expected: `words of letters, digits, _ and - joined by dots, at most ${LONGEST_NAME} characters`,
  accepts: (value) => typeof value === 'string' && value.length <= LONGEST_NAME && NAME.test(value),
}

export const topicOrPattern: Rule = {
  expected: `${portableName.expected}, where * stands for one word and # for any number`,
  accepts: (value) => typeof value === 'string' && value.length <= LONGEST_NAME && PATTERN.test(value),
}

/**
 * Declares a topic and the shape of its messages, in any library that implements Standard Schema. What is published is the value as
 * given, checked; what a handler gets is the schema's output, so defaults and transformations happen on the consumer's side.
 *
 * @throws ConfigurationError for a name that not every broker can hold, or something that is no schema
 */
export function topic<Input, Output>(name: string, schema: StandardSchemaV1<Input, Output>): Topic<Input, Output> {
  checkArgument('topic name', name, portableName)
  checkArgument(`schema of topic ${name}`, schema, standardSchema)
  return Object.freeze({ name, schema })
}

/** What can be subscribed to: a declared topic, a topic or pattern by name, or several names. */
export type TopicRef = string | readonly string[] | Topic

export function isDeclared<Declared extends Topic<unknown, unknown>>(
  ref: string | readonly string[] | Declared,
): ref is Declared {
  return typeof ref === 'object' && ref !== null && !Array.isArray(ref)
}

/** The name of one topic. @throws ConfigurationError when it is none that every broker can hold */
export function nameOf(ref: string | Topic): string {
  const name = isDeclared(ref) ? ref.name : ref
  checkArgument('topic', name, portableName)
  return name
}

export function isPattern(name: string): boolean {
  return name.includes('*') || name.includes('#')
}

/** Checks a message. Only a promise when the schema works asynchronously. @throws ValidationError */
export function validate<Output>(of: Topic<unknown, Output>, value: unknown): Output | Promise<Output> {
  return matching(`a message of ${of.name}`, of.schema, value)
}
