import { builtinModules } from 'node:module'
import { posix } from 'node:path'
import { ABOVE_ALL, LAYERS, ONLY_FOR } from './direction-rules.ts'
import { type Import, readImports } from './imports.ts'
import type { Part } from './part.ts'
import { type Manifest, type Member, memberNamed, ownerOf, readWorkspace, sourceFiles } from './workspace.ts'

const SCOPE = '@comm/'

/** Imports and manifests, type imports included, follow the one direction of dependency. */
export const direction: Part = {
  name: 'direction',
  failsWhen: 'a package uses one that is not below it, does not declare, or reaches into',
  run: async (root) => {
    const members = readWorkspace(root)
    const files = sourceFiles(root)
    const imports = files.flatMap((file) => readImports(root, file))
    const failures = [
      ...imports.flatMap((entry) => importProblems(entry, members).map((problem) => `${entry.file}:${entry.line}: ${problem}`)),
      ...members.flatMap((member) => manifestProblems(member).map((problem) => `${member.folder}/package.json: ${problem}`)),
    ]
    return { read: files.length, unit: 'files', failures }
  },
}

/** What is wrong with one import; empty when it is fine. */
function importProblems({ file, specifier }: Import, members: readonly Member[]): readonly string[] {
  const owner = ownerOf(file, members)
  const inTest = isTest(file)
  if (specifier.startsWith('.')) return relativeProblems(file, specifier, owner, inTest)
  const name = packageName(specifier)
  if (specifier.startsWith('node:') || builtinModules.includes(name)) return []

  const problems: string[] = []
  if (!declared(owner, inTest, members).has(name) && name !== owner.manifest.name) {
    problems.push(`imports ${name}, which ${owner.folder}/package.json does not declare`)
  }
  const target = memberNamed(name, members)
  if (target === undefined) return problems
  if (target === owner && owner.kind === 'library' && !inTest)
    problems.push(`imports its own package as ${specifier}: use a relative path`)
  const subpath = `.${specifier.slice(name.length)}`
  if (!(subpath in (target.manifest.exports ?? {}))) problems.push(`reaches into ${name}: '${subpath}' is not in its exports`)
  if (!inTest) problems.push(...layerProblems(owner, name, 'imports'))
  return problems
}

function relativeProblems(file: string, specifier: string, owner: Member, inTest: boolean): readonly string[] {
  const target = posix.join(posix.dirname(file), specifier)
  const home = owner.folder === '.' ? `${file.split('/')[0]}/` : `${owner.folder}/`
  if (!target.startsWith(home)) return [`'${specifier}' leaves ${home}: import the package by its name`]
  if (!inTest && isTest(target)) return [`'${specifier}' is test code`]
  if (owner.kind === 'library' && !inTest && !target.startsWith(`${home}src/`) && file.startsWith(`${home}src/`)) {
    return [`'${specifier}' leaves ${home}src/, which alone is built and published`]
  }
  return []
}

/** What is wrong with what a manifest declares; empty when it is fine. */
function manifestProblems(member: Member): readonly string[] {
  if (member.folder === '.') return []
  const { peerDependencies, devDependencies } = member.manifest
  const unpackable = Object.keys(peerDependencies ?? {}).filter((name) => name.startsWith(SCOPE) && !devDependencies?.[name])
  return [
    ...[...allDeclared(member.manifest)].flatMap((name) => layerProblems(member, name, 'declares')),
    ...unpackable.map((name) => `names ${name} as a peer alone: add it to devDependencies, or pnpm cannot pack the version`),
  ]
}

function layerProblems(owner: Member, name: string, verb: string): readonly string[] {
  if (owner.kind !== 'library' || !name.startsWith(SCOPE)) return []
  const [from, to] = [owner.manifest.name.slice(SCOPE.length), name.slice(SCOPE.length)]
  if (from === to) return []
  const onlyFor = ONLY_FOR[to]
  if (onlyFor !== undefined && !onlyFor.includes(from) && !ABOVE_ALL.includes(from)) {
    return [`${from} ${verb} ${to}, which is ${onlyFor.length === 0 ? 'for tests alone' : `for ${onlyFor.join(' and ')} alone`}`]
  }
  if (ABOVE_ALL.includes(from)) return []
  const [fromLayer, toLayer] = [layerOf(from), layerOf(to)]
  if (fromLayer < 0 || toLayer < 0) return [`${fromLayer < 0 ? from : to} has no place in LAYERS of .ci/check/direction-rules.ts`]
  return toLayer < fromLayer ? [] : [`${from} ${verb} ${to}, which is not below it`]
}

function layerOf(name: string): number {
  return LAYERS.findIndex((layer) => layer.includes(name))
}

/** Names that a file may import: published code what its users get installed, everything else also the root's tools. */
function declared(owner: Member, inTest: boolean, members: readonly Member[]): ReadonlySet<string> {
  const { dependencies, peerDependencies, optionalDependencies } = owner.manifest
  const own = new Set(Object.keys({ ...dependencies, ...peerDependencies, ...optionalDependencies }))
  if (!inTest && owner.kind !== 'private') return own
  const root = memberNamed('comm-workspace', members)
  return new Set([...own, ...allDeclared(owner.manifest), ...(root === undefined ? [] : allDeclared(root.manifest))])
}

function allDeclared({ dependencies, peerDependencies, optionalDependencies, devDependencies }: Manifest): ReadonlySet<string> {
  return new Set(Object.keys({ ...dependencies, ...peerDependencies, ...optionalDependencies, ...devDependencies }))
}

function packageName(specifier: string): string {
  return specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/')
}

function isTest(file: string): boolean {
  return /(^|\/)test\//.test(file)
}
