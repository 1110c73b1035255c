// Runs Jest as every package and the root do: ES modules, the workspace's configuration, whatever folder it is called from.
import { spawnSync } from 'node:child_process'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { arrangeArguments } from './jest-arguments.ts'

const root = join(import.meta.dirname, '..')
const jest = join(createRequire(import.meta.url).resolve('jest/package.json'), '../bin/jest.js')
const { status } = spawnSync(
  process.execPath,
  [
    '--experimental-vm-modules',
    // For what Jest loads itself, outside the tests: the set-up of the shared servers.
    '--conditions=@comm/source',
    '--disable-warning=ExperimentalWarning',
    jest,
    '--config',
    join(root, 'jest.config.js'),
    ...arrangeArguments(process.argv.slice(2)),
  ],
  { stdio: 'inherit', cwd: root },
)
process.exit(status ?? 1)
