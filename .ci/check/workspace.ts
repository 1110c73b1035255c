import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

/** `library`: published, in packages/. `application`: in apps/. `private`: bench and the root's own tools. */
export type WorkspaceKind = 'library' | 'application' | 'private'

export interface Manifest {
  readonly name: string
  readonly exports?: Readonly<Record<string, unknown>>
  readonly dependencies?: Readonly<Record<string, string>>
  readonly peerDependencies?: Readonly<Record<string, string>>
  readonly optionalDependencies?: Readonly<Record<string, string>>
  readonly devDependencies?: Readonly<Record<string, string>>
}

/** A package of the workspace. */
export interface Member {
  /** Relative to the root, `/` between folders; `.` is the root itself. */
  readonly folder: string
  readonly kind: WorkspaceKind
  readonly manifest: Manifest
}

/** Every package of the workspace, the root last. */
export function readWorkspace(root: string): readonly Member[] {
  const members = globSync(['packages/*/package.json', 'apps/*/package.json', 'bench/package.json'], { cwd: root })
    .sort()
    .map((file) => readMember(root, file.slice(0, -'/package.json'.length)))
  return [...members, readMember(root, '.')]
}

function readMember(root: string, folder: string): Member {
  const manifest = JSON.parse(readFileSync(join(root, folder, 'package.json'), 'utf8')) as Manifest
  const kind = folder.startsWith('packages/') ? 'library' : folder.startsWith('apps/') ? 'application' : 'private'
  return { folder, kind, manifest }
}

const SOURCES = [
  'packages/*/{src,test,bench}/**/*.ts',
  'apps/*/{src,test}/**/*.ts',
  'bench/{src,test}/**/*.ts',
  '.ci/**/*.ts',
  'examples/**/*.ts',
]

/** Every TypeScript file that people write, relative to the root, sorted. */
export function sourceFiles(root: string): readonly string[] {
  return globSync(SOURCES, { cwd: root, exclude: (name) => name.includes('node_modules') || name.endsWith('/dist') }).sort()
}

/** The member that a file belongs to: the nearest folder above it with a package.json. */
export function ownerOf(file: string, members: readonly Member[]): Member {
  const owner = members.find(({ folder }) => file.startsWith(`${folder}/`)) ?? members.find(({ folder }) => folder === '.')
  if (owner === undefined) throw new Error(`${file} belongs to no package of the workspace`)
  return owner
}

/** `Member.folder` of a package name, as `packages/core` for `@comm/core`. */
export function memberNamed(name: string, members: readonly Member[]): Member | undefined {
  return members.find(({ manifest }) => manifest.name === name)
}
