import { ConfigurationError } from '@comm/core'

/** The optional package that knows contracts. @throws ConfigurationError COMM_PACKAGE_MISSING */
export async function loadContracts(): Promise<typeof import('@comm/contracts')> {
  try {
    return await import('@comm/contracts')
  } catch (cause) {
    throw new ConfigurationError(
      '@comm/contracts is needed by comm docs and is not installed; run: npm install @comm/contracts',
      {
        code: 'COMM_PACKAGE_MISSING',
        cause,
        details: { package: '@comm/contracts' },
      },
    )
  }
}
