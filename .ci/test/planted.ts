import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'

/** A workspace in a temporary folder with just these files; texts, or objects for JSON. */
export function plantWorkspace(files: Readonly<Record<string, string | object>>): Disposable & { readonly root: string } {
  const root = mkdtempSync(join(tmpdir(), 'comm-check-'))
  const all = { 'package.json': { name: 'comm-workspace', devDependencies: { '@jest/globals': '*' } }, ...files }
  for (const [file, content] of Object.entries(all)) {
    mkdirSync(dirname(join(root, file)), { recursive: true })
    writeFileSync(join(root, file), typeof content === 'string' ? content : JSON.stringify(content))
  }
  return { root, [Symbol.dispose]: () => rmSync(root, { recursive: true, force: true }) }
}

/** The manifest of a library whose one entry is its index. */
export function library(name: string, more: object = {}): object {
  return { name: `@comm/${name}`, exports: { '.': './src/index.ts' }, ...more }
}

/** Lets a planted workspace resolve what the real one has installed. */
export function linkModules(root: string): void {
  symlinkSync(join(import.meta.dirname, '../../node_modules'), join(root, 'node_modules'))
}
