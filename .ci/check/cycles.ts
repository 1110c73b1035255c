import { posix } from 'node:path'
import { type Import, readImports } from './imports.ts'
import type { Part } from './part.ts'
import { memberNamed, ownerOf, readWorkspace, sourceFiles } from './workspace.ts'

/** No module may be needed to load itself, and no package to build itself. */
export const cycles: Part = {
  name: 'cycles',
  failsWhen: 'modules or packages import each other in a circle',
  run: async (root) => {
    const files = sourceFiles(root)
    const known = new Set(files)
    const imports = files.flatMap((file) => readImports(root, file))
    const values = edges(
      imports.filter(({ typeOnly }) => !typeOnly),
      known,
    )
    const isOfValues = (cycle: readonly string[]): boolean =>
      cycle.every((file, at) => at === cycle.length - 1 || values.get(file)?.includes(cycle[at + 1] ?? ''))
    const packages = packageCycles(root, imports)
    return {
      read: files.length,
      unit: 'files',
      failures: [...findCycles(files, values), ...packages].map((cycle) => `${cycle[0]}: import cycle: ${cycle.join(' → ')}`),
      notes: findCycles(files, edges(imports, known))
        .filter((cycle) => !isOfValues(cycle))
        .map((cycle) => `${cycle[0]}: cycle of type imports: ${cycle.join(' → ')}`),
    }
  },
}

type Graph = ReadonlyMap<string, readonly string[]>

function edges(imports: readonly Import[], known: ReadonlySet<string>): Graph {
  const graph = new Map<string, string[]>()
  for (const { file, specifier } of imports) {
    if (!specifier.startsWith('.')) continue
    const target = posix.join(posix.dirname(file), specifier)
    if (known.has(target)) graph.set(file, [...(graph.get(file) ?? []), target])
  }
  return graph
}

/** Imports between packages, whatever file they are in, and what the manifests declare. Tests are left out: they may look anywhere. */
function packageCycles(root: string, imports: readonly Import[]): readonly (readonly string[])[] {
  const members = readWorkspace(root)
  const graph = new Map<string, string[]>()
  const add = (from: string, name: string): void => {
    const target = memberNamed(name, members)
    if (target !== undefined && target.folder !== from) graph.set(from, [...(graph.get(from) ?? []), target.folder])
  }
  for (const { file, specifier } of imports) {
    if (file.includes('/src/')) add(ownerOf(file, members).folder, specifier.split('/').slice(0, 2).join('/'))
  }
  for (const { folder, manifest } of members) {
    if (folder === '.') continue
    const { dependencies, peerDependencies, optionalDependencies, devDependencies } = manifest
    for (const name of Object.keys({ ...dependencies, ...peerDependencies, ...optionalDependencies, ...devDependencies }))
      add(folder, name)
  }
  return findCycles([...graph.keys()].sort(), graph)
}

/** At least one cycle of every knot of nodes that reach each other; each begins and ends with the same node. */
export function findCycles(nodes: readonly string[], graph: Graph): readonly (readonly string[])[] {
  const found: string[][] = []
  const settled = new Set<string>()
  const path: string[] = []
  const visit = (node: string): void => {
    if (settled.has(node)) return
    const at = path.indexOf(node)
    if (at >= 0) {
      found.push([...path.slice(at), node])
      return
    }
    path.push(node)
    for (const next of graph.get(node) ?? []) visit(next)
    path.pop()
    settled.add(node)
  }
  for (const node of nodes) visit(node)
  return found
}
