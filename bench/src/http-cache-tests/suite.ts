import { createRequire } from 'node:module'

/** https://github.com/http-tests/cache-tests; it brings no types. */
interface SuiteTest {
  readonly id: string
  readonly name: string
  /** @default 'required' */
  readonly kind?: Kind
  readonly browser_only?: boolean
}

export type Kind = 'required' | 'optimal' | 'check'

export interface Suite {
  readonly name: string
  readonly tests: readonly SuiteTest[]
}

/** True, or the kind and the message of the failure. */
export type Results = Readonly<Record<string, true | readonly [string, string]>>

export type SuiteFetch = (
  url: string,
  init?: { readonly method?: string; readonly headers?: readonly (readonly [string, unknown])[]; readonly body?: string },
) => Promise<{ readonly status: number; readonly statusText: string; readonly headers: Headers; text(): Promise<string> }>

interface Runner {
  runTests(suites: readonly Suite[], fetch: SuiteFetch, browserCache: boolean, baseUrl: string, sideBySide: number): Promise<void>
  getResults(): Results
}

const resolve = createRequire(import.meta.url).resolve

export const SERVER_MODULE: string = resolve('http-cache-tests/server/server.mjs')
export const { runTests, getResults } = (await import(resolve('http-cache-tests/client/runner.mjs'))) as Runner
/** Without those about Surrogate-Control, which is for caches that belong to the server. */
export const SUITES: readonly Suite[] = (
  (await import(resolve('http-cache-tests/tests/index.mjs'))) as { default: readonly Suite[] }
).default
