import { ConfigurationError } from '@comm/core'
import { describeValue } from '@comm/core/options'

/**
 * What a signal is exported to when the options do not say: the variable that OpenTelemetry defines for it, else OTLP.
 * @returns undefined for `none`
 * @throws ConfigurationError naming the variable
 */
export function exportersFromEnv<const Name extends string>(
  variable: string,
  names: readonly Name[],
): readonly Name[] | undefined {
  const text = process.env[variable]?.trim()
  if (text === undefined || text === '') return names.slice(0, 1)
  if (text === 'none') return undefined
  return text.split(',').map((part) => {
    const name = names.find((known) => known === part.trim())
    if (name !== undefined) return name
    const expected = `none, or some of ${names.join(', ')}`
    const received = describeValue(text)
    throw new ConfigurationError(`environment variable ${variable} must be ${expected}, got ${received}`, {
      problems: [{ key: variable, expected, received }],
    })
  })
}
