import { CommunicationError } from '@comm/core'
import type { ServerControl } from './server.ts'

/** The control of a server that somebody else runs: every fault is refused, and closing it only lets go of it. */
export function notOurs(server: string, whose: string, remedy: string, logs: () => Promise<string>): ServerControl {
  const refuse = (what: string) => async (): Promise<never> => {
    throw new CommunicationError(`cannot ${what} ${server}: ${whose}; ${remedy}`, { code: 'COMM_UNSUPPORTED' })
  }
  return {
    pid: undefined,
    kill: refuse('kill'),
    stop: refuse('stop'),
    continue: refuse('continue'),
    restart: refuse('restart'),
    close: async () => undefined,
    logs,
  }
}
