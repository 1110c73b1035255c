import { globSync, readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { command } from './command.ts'
import type { Part } from './part.ts'
import { sourceFiles } from './workspace.ts'

/** Compiles every project; writes the `dist/` folders that `packages` looks at. */
export const types: Part = {
  name: 'types',
  failsWhen: 'tsc finds an error, or a file is in no project',
  run: async (root) => {
    const { code, output } = await command('tsc', ['-b', '--pretty', 'false'], { cwd: root })
    const compiled = compiledFiles(root)
    const forgotten = sourceFiles(root).filter((file) => !compiled.has(file))
    return {
      read: compiled.size,
      unit: 'files',
      failures: [
        ...(code === 0 ? [] : output.trim().split('\n')),
        ...(code === 0 ? forgotten.map((file) => `${file}: is in no project of tsconfig.json, so nobody checks its types`) : []),
      ],
    }
  },
}

interface BuildInfo {
  /** Places in `fileNames`, from 1: single ones and ranges. */
  readonly root?: readonly (number | readonly [number, number])[]
  readonly fileNames: readonly string[]
}

/** What the compiler itself noted as the roots of its projects: proof that it read them. */
function compiledFiles(root: string): ReadonlySet<string> {
  const notes = globSync(['{packages,apps}/*/dist/.tsbuildinfo', 'node_modules/.cache/*.tsbuildinfo'], {
    cwd: root,
  })
  const files = notes.flatMap((note) => {
    const { root: roots = [], fileNames } = JSON.parse(readFileSync(join(root, note), 'utf8')) as BuildInfo
    return roots.flatMap((entry) => {
      const [first, last] = typeof entry === 'number' ? [entry, entry] : entry
      return fileNames.slice(first - 1, last).map((name) => relative(root, join(root, dirname(note), name)))
    })
  })
  return new Set(files)
}
