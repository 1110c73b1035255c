// `pnpm http-cache-tests`: the public suite of HTTP caching, for our cache and its peers. Exit code 1 when ours passes fewer than
// undici's, or fails where docs/http-cache.md gives no reason.
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { execPath, stderr, stdout } from 'node:process'
import { createInterface } from 'node:readline'
import { parseArgs, promisify } from 'node:util'
import { CONTENDERS } from './contenders.ts'
import { failuresOf, type Score, scoreOf, totals } from './score.ts'
import { type Results, SERVER_MODULE, SUITES } from './suite.ts'

const OURS = '@comm/http'
const MEASURE = 'undici'

/** Where the reasons are. */
const EXPLAINED = await readFile(new URL('../../../docs/http-cache.md', import.meta.url), 'utf8')

const { values } = parseArgs({ options: { only: { type: 'string' }, failures: { type: 'boolean', default: false } } })

/** The suite's own server, which learns from each test what it has to answer. */
async function startServer(): Promise<{ readonly baseUrl: string; stop(): Promise<void> }> {
  const folder = await mkdtemp(join(tmpdir(), 'http-cache-tests-'))
  const env = { npm_config_protocol: 'http', npm_config_port: '0', npm_config_pidfile: join(folder, 'pid') }
  const child = spawn(execPath, [SERVER_MODULE], { env, stdio: ['ignore', 'pipe', 'inherit'] })
  const lines = createInterface({ input: child.stdout })
  const [first] = (await once(lines, 'line')) as [string]
  const port = /:(\d+)\/$/.exec(first)?.[1]
  if (port === undefined) throw new Error(`the suite's server said: ${first}`)
  return {
    baseUrl: `http://127.0.0.1:${port}`,
    stop: async () => {
      const exited = once(child, 'exit')
      child.kill()
      await exited
      await rm(folder, { recursive: true })
    },
  }
}

async function run(name: string): Promise<Results> {
  const server = await startServer()
  try {
    const contender = new URL('contender-main.ts', import.meta.url).pathname
    const args = ['--conditions=@comm/source', contender, name, server.baseUrl]
    const { stdout: json } = await promisify(execFile)(execPath, args, { maxBuffer: 1e8 })
    return JSON.parse(json) as Results
  } finally {
    await server.stop()
  }
}

const all = totals(SUITES)
const failures: string[] = []
const names = values.only === undefined ? Object.keys(CONTENDERS) : [values.only]
const scores = new Map<string, Score>()
for (const name of names) {
  const results = await run(name)
  const score = scoreOf(SUITES, results)
  scores.set(name, score)
  const parts = (['required', 'optimal', 'check'] as const).map((kind) => `${kind} ${score[kind]} of ${all[kind]}`)
  stderr.write(`${name.padEnd(12)} ${parts.join(', ')}\n`)
  if (name !== OURS && !values.failures) continue
  for (const { id, kind, why } of failuresOf(SUITES, results)) {
    stderr.write(`  ${kind.padEnd(9)} ${id}: ${why}\n`)
    if (name === OURS && !EXPLAINED.includes(`\`${id}\``)) failures.push(`${id} is not explained in docs/http-cache.md: ${why}`)
  }
}

const [ours, theirs] = [scores.get(OURS), scores.get(MEASURE)]
if (ours !== undefined && theirs !== undefined) {
  if (ours.required < theirs.required) failures.push(`required: ${ours.required}, ${MEASURE} ${theirs.required}`)
  const [sum, other] = [ours.required + ours.optimal, theirs.required + theirs.optimal]
  if (sum < other) failures.push(`required and optimal: ${sum}, ${MEASURE} ${other}`)
}
for (const failure of failures) stderr.write(`failed: ${failure}\n`)
stdout.write(`${JSON.stringify({ httpCacheTests: { of: all, scores: Object.fromEntries(scores), failures } })}\n`)
process.exitCode = failures.length === 0 ? 0 : 1
