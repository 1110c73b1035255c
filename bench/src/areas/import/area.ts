import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import type { Area, Contender, Prepared } from '../../area.ts'

const root = join(import.meta.dirname, '../../../..')

function contender(name: string): Contender {
  return { name, module: import.meta.resolve('./import-module.ts'), parameters: { specifier: name }, built: true }
}

/** What is timed is what users install, so the packages are built first. */
async function prepare(signal: AbortSignal): Promise<Prepared> {
  const tsc = join(dirname(createRequire(import.meta.url).resolve('typescript/package.json')), 'bin/tsc')
  const build = spawn(process.execPath, [tsc, '-b', 'packages/core', 'packages/manager'], {
    cwd: root,
    stdio: ['ignore', 2, 2],
    signal,
  })
  const [code] = await once(build, 'exit')
  if (code !== 0) throw new Error(`building packages/core and packages/manager failed with code ${code}`)
  return { environment: {}, stop: async () => {} }
}

/** How long a fresh process takes to load a package. */
export const area: Area = {
  name: 'import',
  packages: ['core', 'manager'],
  prepare,
  works: [
    {
      name: 'import',
      cold: true,
      cost: 'wall',
      baseline: 'got',
      contenders: ['got', 'axios', '@nestjs/microservices', 'moleculer', '@comm/core', '@comm/manager'].map(contender),
      limits: [
        { contender: '@comm/core', atMost: 0.5, timesOf: 'got' },
        { contender: '@comm/manager', atMost: 0.7, timesOf: 'got' },
      ],
    },
  ],
}
