import { existsSync, readFileSync } from 'node:fs'
import { join, posix } from 'node:path'
import { parseSync } from 'oxc-parser'
import {
  ADAPTERS,
  CONTRACT,
  FOR_CLIENTS,
  FOREIGN,
  FROM_CORE,
  MOST_LINES_A_FILE,
  MOST_LINES_A_PACKAGE,
  SHARED_PARTS,
  STAGES,
} from './adapter-rules.ts'
import { type Import, readImports } from './imports.ts'
import type { Part } from './part.ts'
import { sourceFiles } from './workspace.ts'

/** Adapters of brokers move bytes: they stay small, and the trunk's decisions stay in the trunk. */
export const adapters: Part = {
  name: 'adapters',
  failsWhen: `a broker adapter has more than ${MOST_LINES_A_PACKAGE} lines, a file more than ${MOST_LINES_A_FILE}, or it takes a stage of the trunk`,
  run: async (root) => {
    const all = sourceFiles(root)
    const files = all.filter((file) => file.startsWith(ADAPTERS) && file.includes('/src/'))
    const contract = existsSync(join(root, CONTRACT)) ? declared(readFileSync(join(root, CONTRACT), 'utf8')) : []
    const failures = [
      ...sizeProblems(root, files),
      ...files.flatMap((file) =>
        readImports(root, file).flatMap((entry) =>
          importProblems(entry, contract).map((problem) => `${file}:${entry.line}: ${problem}`),
        ),
      ),
      ...stageProblems(
        root,
        all.filter((file) => file.startsWith(SHARED_PARTS)),
      ),
    ]
    return {
      read: files.length,
      unit: 'files',
      failures,
      notes: sizes(root, files).map(([name, lines]) => `${name}: ${lines} lines`),
    }
  },
}

/** Names of the types that a file exports. */
function declared(text: string): readonly string[] {
  return [...text.matchAll(/^export (?:interface|type) (\w+)/gm)].map(([, name]) => name as string)
}

function sizeProblems(root: string, files: readonly string[]): readonly string[] {
  const large = files
    .map((file) => [file, readFileSync(join(root, file), 'utf8').trimEnd().split('\n').length] as const)
    .filter(([, lines]) => lines > MOST_LINES_A_FILE)
    .map(([file, lines]) => `${file}: has ${lines} lines, more than ${MOST_LINES_A_FILE}`)
  const larger = sizes(root, files)
    .filter(([, lines]) => lines > MOST_LINES_A_PACKAGE)
    .map(([name, lines]) => `${name}: src/ has ${lines} lines without blank ones and comments, more than ${MOST_LINES_A_PACKAGE}`)
  return [...large, ...larger]
}

/** Lines of each package's `src/` without blank ones and comments. */
function sizes(root: string, files: readonly string[]): readonly (readonly [name: string, lines: number])[] {
  const totals = new Map<string, number>()
  for (const file of files) {
    const name = file.split('/', 2).join('/')
    totals.set(name, (totals.get(name) ?? 0) + codeLines(file, readFileSync(join(root, file), 'utf8')))
  }
  return [...totals]
}

function codeLines(file: string, text: string): number {
  let code = text
  // From the last to the first, so that the places of the others stay.
  for (const { start, end } of parseSync(file, text, { lang: 'ts', sourceType: 'module' }).comments.toReversed()) {
    code = code.slice(0, start) + code.slice(start, end).replace(/[^\n]/g, ' ') + code.slice(end)
  }
  return code.split('\n').filter((line) => line.trim() !== '').length
}

function importProblems({ file, specifier, typeOnly, names }: Import, contract: readonly string[]): readonly string[] {
  if (FOREIGN.includes(specifier)) return [`takes ${specifier}, which is the trunk's`]
  if (specifier === '@comm/core') {
    return names
      .filter((name) => !name.endsWith('Error') && !FROM_CORE.includes(name))
      .map((name) => `takes ${name} from @comm/core, which is not among what adapters need`)
  }
  if (specifier !== '@comm/messaging') return []
  const forClients = /(^|-)clients?\.ts$/.test(posix.basename(file)) ? FOR_CLIENTS : []
  const stages = names.filter((name) => !contract.includes(name) && !forClients.includes(name))
  if (stages.length > 0) return stages.map((name) => `takes ${name} from @comm/messaging, which is not of the broker contract`)
  return typeOnly || forClients.length > 0 ? [] : ['takes from @comm/messaging more than types: write import type']
}

/** What adapters share must not lead to a stage by an import that stays when types are stripped. */
function stageProblems(root: string, shared: readonly string[]): readonly string[] {
  const seen = new Set(shared)
  const problems: string[] = []
  for (const file of seen) {
    for (const { specifier, typeOnly, line } of readImports(root, file)) {
      if (typeOnly || !specifier.startsWith('.')) continue
      const target = posix.join(posix.dirname(file), specifier)
      if (STAGES.some((stage) => target.startsWith(stage))) {
        problems.push(`${file}:${line}: leads from ${SHARED_PARTS} to ${target}, a stage of the trunk`)
      } else if (existsSync(join(root, target))) seen.add(target)
    }
  }
  return problems
}
