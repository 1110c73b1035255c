import type { ErrorCode } from '@comm/core'
import type { ServerName, TestServer } from '../server.ts'

/** One JSON value a line, each way, one request a connection. */
export type SharedRequest =
  | { readonly start: ServerName; readonly options: object }
  | { readonly logs: ServerName; readonly options: object }

/** What a server is, without what can be done to it. */
export type SharedServer = Pick<TestServer, 'name' | 'url' | 'urls' | 'host' | 'port' | 'source' | 'version'> &
  Partial<Pick<TestServer, 'tls' | 'pid'>>

export type SharedAnswer =
  | { readonly server: SharedServer }
  | { readonly logs: string }
  | { readonly error: string; readonly code: ErrorCode }

/** The Unix socket of the run's host of shared servers; the workers of a run inherit it. */
export const SHARED_SOCKET = 'COMM_TEST_SHARED_SERVERS'
