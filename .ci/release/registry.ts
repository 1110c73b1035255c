import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

export interface Registry extends AsyncDisposable {
  readonly url: string
  /** An `.npmrc` that installs everything from here, and publishes here. */
  readonly npmrc: string
}

const START_LIMIT_MS = 60_000

/**
 * A private registry (verdaccio) on a free port of this machine, which takes `@comm/*` from anybody and has the rest from the usual one.
 * @param root where verdaccio is installed @param folder for what is published, and for the log @param upstream the usual registry
 */
export async function startRegistry(root: string, folder: string, upstream: string): Promise<Registry> {
  const port = await freePort()
  const url = `http://127.0.0.1:${port}/`
  const config = join(folder, 'registry.yaml')
  // JSON is YAML.
  writeFileSync(
    config,
    JSON.stringify({
      storage: join(folder, 'storage'),
      uplinks: { usual: { url: upstream, timeout: '60s' } },
      packages: {
        '@comm/*': { access: '$all', publish: '$all', unpublish: '$all' },
        '**': { access: '$all', proxy: 'usual' },
      },
      web: { enable: false },
      max_body_size: '50mb',
      log: { type: 'file', path: join(folder, 'registry.log'), level: 'warn', format: 'json' },
    }),
  )
  const verdaccio = join(root, 'node_modules/verdaccio/bin/verdaccio')
  const args = ['--no-warnings', verdaccio, '--config', config, '--listen', `127.0.0.1:${port}`]
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'ignore', 'inherit'] })
  await answering(child, url)
  return {
    url,
    // Nobody asks whose token it is, but npm publishes with none at all.
    npmrc: `registry=${url}\n//127.0.0.1:${port}/:_authToken=rehearsal\n`,
    async [Symbol.asyncDispose]() {
      if (child.exitCode !== null || child.signalCode !== null) return
      child.kill()
      await once(child, 'exit')
    },
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  if (address === null || typeof address === 'string') throw new Error('no port of this machine is free')
  return address.port
}

async function answering(child: ChildProcess, url: string): Promise<void> {
  const limit = AbortSignal.timeout(START_LIMIT_MS)
  while (!(await isThere(url))) {
    if (child.exitCode !== null) throw new Error(`the registry ended with code ${child.exitCode} before it answered`)
    limit.throwIfAborted()
    await sleep(200)
  }
}

async function isThere(url: string): Promise<boolean> {
  return fetch(`${url}-/ping`).then(
    ({ ok }) => ok,
    () => false,
  )
}
