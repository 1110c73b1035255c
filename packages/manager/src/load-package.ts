import { ConfigurationError } from '@comm/core'

/**
 * Imports an optional package.
 * @param wantedBy completes `… is needed by`, such as `messageBroker.type 'kafka'`
 * @throws ConfigurationError COMM_PACKAGE_MISSING with the command that installs it
 */
export async function loadPackage(name: string, wantedBy: string): Promise<Readonly<Record<string, unknown>>> {
  try {
    return (await import(name)) as Record<string, unknown>
  } catch (cause) {
    if (!isMissing(cause, name)) throw cause
    throw new ConfigurationError(`${name} is needed by ${wantedBy} and is not installed; run: npm install ${name}`, {
      code: 'COMM_PACKAGE_MISSING',
      cause,
      details: { package: name },
    })
  }
}

/** The package itself is not there; one that is there but lacks a dependency of its own fails with its own error. */
function isMissing(thrown: unknown, name: string): boolean {
  const { code, message } = Object(thrown) as { code?: unknown; message?: unknown }
  return (code === 'ERR_MODULE_NOT_FOUND' || code === 'MODULE_NOT_FOUND') && String(message).includes(`'${name}'`)
}
