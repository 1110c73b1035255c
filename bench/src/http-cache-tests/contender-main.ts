// Runs the suite for one client, in a process of its own: the suite keeps its results in the module. Prints them as JSON.
import { argv, stdout } from 'node:process'
import { CONTENDERS, type SuiteAnswer } from './contenders.ts'
import { getResults, runTests, SUITES, type SuiteFetch } from './suite.ts'

/** Tests at once: more on a slow machine, and what is fresh for two seconds is stale before it is asked for. */
const SIDE_BY_SIDE = 40

const [, , name = '', baseUrl = ''] = argv
const make = CONTENDERS[name]
if (make === undefined) throw new Error(`no contender '${name}', there are ${Object.keys(CONTENDERS).join(', ')}`)
const contender = make()

const fetch: SuiteFetch = async (url, { method = 'GET', headers = [], body } = {}) => {
  const joined = new Headers(headers.map(([header, value]) => [header, String(value)]))
  return responseOf(await contender({ method, url, headers: Object.fromEntries(joined), body }))
}

/** What the suite reads of a response of fetch. It also answers with 999, which no Response can hold. */
function responseOf({
  status,
  headers,
  text,
}: SuiteAnswer): ReturnType<SuiteFetch> extends Promise<infer Response> ? Response : never {
  const list = new Headers()
  for (const [name, value] of Object.entries(headers)) {
    for (const each of [value ?? []].flat()) list.append(name, each)
  }
  return { status, statusText: '', headers: list, text: async () => text }
}

await runTests(SUITES, fetch, false, baseUrl, SIDE_BY_SIDE)
stdout.write(JSON.stringify(getResults()))
process.exit()
