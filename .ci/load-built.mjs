// Loads every entry point of every built package on the Node that runs this, which may be older than the workspace's own.
// Plain JavaScript, because that Node may not strip types.
import { globSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'

const root = join(import.meta.dirname, '..')
let loaded = 0
for (const manifestPath of globSync('packages/*/package.json', { cwd: root }).sort()) {
  const { name, exports } = JSON.parse(readFileSync(join(root, manifestPath), 'utf8'))
  for (const [subpath, target] of Object.entries(exports)) {
    if (typeof target === 'string') continue
    await import(pathToFileURL(join(root, dirname(manifestPath), target.default)).href)
    console.log(`loaded ${name}${subpath.slice(1)}`)
    loaded++
  }
}
if (loaded === 0) throw new Error('no built package was loaded')
console.log(`${loaded} entry points load on Node ${process.version}`)
