import { ConfigurationError } from '@comm/core'

/** The error of one wrong argument, worded as `checkOptions` words it. */
export function refuse(key: string, expected: string, received: string): never {
  throw new ConfigurationError(`${key} must be ${expected}, got ${received}`, { problems: [{ key, expected, received }] })
}
