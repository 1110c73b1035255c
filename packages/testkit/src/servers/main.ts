// `pnpm servers [name …]`: starts real servers for a person, prints the variables that point tests at them, stops them on Ctrl-C.
import { once } from 'node:events'
import { stdout } from 'node:process'
import type { TestServer } from './server.ts'
import { STARTERS } from './shared/starters.ts'
import { SERVER_VARIABLES } from './variables.ts'

/** Those that a variable leads tests to; dnsmasq and a kube-apiserver are always a test's own. */
const names: readonly TestServer['name'][] = ['redis', 'rabbitmq', 'kafka', 'consul', 'etcd']
const asked = process.argv.slice(2)
const unknown = asked.filter((word) => !names.some((name) => name === word))

async function serve(): Promise<number> {
  const wanted = asked.length === 0 ? names : names.filter((name) => asked.includes(name))
  const started = await Promise.allSettled(wanted.map((name) => start(name)))
  const servers = started.filter((result) => result.status === 'fulfilled').map((result) => result.value)
  const failures = started.filter((result) => result.status === 'rejected').map((result) => result.reason as Error)
  for (const failure of failures) stdout.write(`\n# ${failure.message.replaceAll('\n', '\n# ')}\n`)
  if (servers.length > 0) {
    stdout.write(`\n${servers.map((server) => `export ${SERVER_VARIABLES[server.name]}=${server.url}`).join('\n')}\n`)
    stdout.write('\n# Running; Ctrl-C stops them.\n')
    await untilStopped()
    await Promise.all(servers.map((server) => server.close()))
    stdout.write('# Stopped.\n')
  }
  return failures.length === 0 ? 0 : 1
}

async function start(name: TestServer['name']): Promise<TestServer> {
  const since = performance.now()
  const server = await STARTERS[name]({})
  const seconds = ((performance.now() - since) / 1000).toFixed(1)
  stdout.write(`# ${name} ${server.version} (${server.source}) after ${seconds} s\n`)
  return server
}

/** The servers do not keep this process alive; the timer does. */
async function untilStopped(): Promise<void> {
  const alive = setInterval(() => undefined, 60_000)
  await Promise.race([once(process, 'SIGINT'), once(process, 'SIGTERM')])
  clearInterval(alive)
}

if (unknown.length > 0) {
  stdout.write(`there is no server named ${unknown.join(', ')}; known are ${names.join(', ')}\n`)
  process.exitCode = 2
} else {
  process.exitCode = await serve()
}
