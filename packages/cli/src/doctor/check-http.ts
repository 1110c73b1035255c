import { CommunicationConfig, type HttpClientConfig } from '@comm/config'
import { HttpStatusError, isSecretKey, type Logger, redactCredentials } from '@comm/core'
import { CommunicationManager } from '@comm/manager'
import type { Check } from './examine.ts'

const CLOSE_MS = 1000
const FIRST_SERVER_ERROR = 500
const REFUSALS: ReadonlySet<number> = new Set([401, 403, 407])

export interface HttpCheckOptions {
  readonly logger: Logger
  readonly timeoutMs: number
  readonly signal: AbortSignal
}

/** Package, connection, and whether the base URL answers: any status but a server's error, or a refusal in spite of credentials, is well. */
export function checkHttp(section: HttpClientConfig, { logger, timeoutMs, signal }: HttpCheckOptions): Check {
  const { baseUrl } = section
  return {
    target: baseUrl === undefined ? 'no base URL' : redactCredentials(baseUrl),
    run: async (found) => {
      found.during('connection')
      if (baseUrl === undefined) return found.skipped('it has no base URL to try')
      const status = await answerOf({ ...section, baseUrl }, logger, timeoutMs, signal)
      found.ok('connected')
      found.during('answer')
      if (status >= FIRST_SERVER_ERROR)
        throw new HttpStatusError(`HEAD ${redactCredentials(baseUrl)} answered ${status}`, { status })
      if (REFUSALS.has(status) && hasCredentials(section)) {
        return found.wrong(`HEAD ${redactCredentials(baseUrl)} answered ${status} though credentials were sent`, {
          advice: 'the server refused them: check the token or password, and whether it has expired',
          settings: ['headers'],
        })
      }
      found.ok(`it answered ${status}`)
    },
  }
}

async function answerOf(section: HttpClientConfig, logger: Logger, timeoutMs: number, signal: AbortSignal): Promise<number> {
  const config = CommunicationConfig.from({
    httpClient: {
      ...section,
      retry: { enabled: false },
      circuitBreaker: { enabled: false },
      timeout: { connectionMs: Math.min(section.timeout.connectionMs, timeoutMs / 2), totalMs: timeoutMs },
    },
    shutdown: { budgetMs: CLOSE_MS },
  })
  await using manager = new CommunicationManager(config, { logger })
  try {
    return (await manager.http.request('HEAD', '', { signal })).status
  } catch (thrown) {
    if (thrown instanceof HttpStatusError) return thrown.status
    throw thrown
  }
}

function hasCredentials({ headers }: HttpClientConfig): boolean {
  return Object.keys(headers).some(isSecretKey)
}
