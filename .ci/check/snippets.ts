import { globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { command, mapLimited } from './command.ts'
import type { Part } from './part.ts'
import { extractSnippets, type Snippet } from './snippets-extract.ts'

const DOCUMENTS = [
  'README.md',
  'ARCHITECTURE.md',
  'CONTRIBUTING.md',
  'docs/**/*.md',
  '{packages,apps}/*/README.md',
  'bench/README.md',
]
const FOLDER = '.snippets'
/** For one that never ends, on a machine that has other things to do too. */
const LIMIT_MS = 120_000
const AT_ONCE = 2

/** Documentation executes: each snippet is compiled as a user would, and run from the root in a process of its own. */
export const snippets: Part = {
  name: 'snippets',
  failsWhen: 'a ```ts fence of the documentation does not compile, or ends with another code than 0 within two minutes',
  run: async (root) => {
    const documents = globSync(DOCUMENTS, { cwd: root }).sort()
    const extracted = documents.map((file) => extractSnippets(file, readFileSync(join(root, file), 'utf8')))
    const found = extracted.flatMap((document) => document.snippets)
    write(root, found)
    const wrong = await compile(root, found)
    const runnable = found.filter((snippet) => snippet.runs && !wrong.some((error) => isIn(snippet, error)))
    const broken = await mapLimited(runnable, AT_ONCE, (snippet) => execute(root, snippet))
    return {
      read: found.length,
      unit: 'snippets',
      failures: [
        ...extracted.flatMap((document) => document.problems),
        ...packagesWithoutExample(root, found),
        ...wrong,
        ...broken.filter((text) => text !== undefined),
      ],
    }
  },
}

function pathOf({ file, line }: Snippet): string {
  return `${FOLDER}/${file}/${line}.ts`
}

/** @param error begins with `file.md:line:` */
function isIn({ file, line, code }: Snippet, error: string): boolean {
  if (!error.startsWith(`${file}:`)) return false
  const at = Number.parseInt(error.slice(file.length + 1), 10)
  return at >= line && at < line + code.split('\n').length
}

/** Empty lines come first, so that a line of the extracted file is the same line of the document. */
function write(root: string, found: readonly Snippet[]): void {
  rmSync(join(root, FOLDER), { recursive: true, force: true })
  mkdirSync(join(root, FOLDER))
  const tsconfig = {
    extends: '../tsconfig.base.json',
    compilerOptions: {
      composite: false,
      declaration: false,
      isolatedDeclarations: false,
      rewriteRelativeImportExtensions: false,
      allowImportingTsExtensions: true,
      moduleDetection: 'force',
      noEmit: true,
    },
    // Patterns would not look into a folder whose name begins with a dot.
    files: found.map((snippet) => relative(FOLDER, pathOf(snippet))),
  }
  writeFileSync(join(root, FOLDER, 'tsconfig.json'), JSON.stringify(tsconfig))
  writeFileSync(join(root, FOLDER, 'package.json'), JSON.stringify({ type: 'module', private: true }))
  for (const snippet of found) {
    const path = join(root, pathOf(snippet))
    mkdirSync(dirname(path), { recursive: true })
    writeFileSync(path, `${'\n'.repeat(snippet.line - 1)}${snippet.code}\n`)
  }
}

/** Errors in the snippets alone: those of the sources are the business of the part `types`. */
async function compile(root: string, found: readonly Snippet[]): Promise<readonly string[]> {
  if (found.length === 0) return []
  const { code, output } = await command('tsc', ['-p', FOLDER, '--pretty', 'false'], { cwd: root })
  const lines = inDocumentTerms(output).trim().split('\n')
  // A line that begins with a space goes on with the error before it.
  const errors = lines.reduce<string[]>((all, line) => {
    if (line.startsWith(' ') && all.length > 0) all.push(`${all.pop()}\n${line}`)
    else all.push(line)
    return all
  }, [])
  const own = errors.filter((error) => /^\S+\.md:\d+/.test(error))
  if (code !== 0 && own.length === 0 && !errors.some((error) => /^\S+\.ts\(\d+/.test(error)))
    throw new Error(`tsc failed: ${output}`)
  return own
}

async function execute(root: string, snippet: Snippet): Promise<string | undefined> {
  const args = ['--conditions=@comm/source', '--disable-warning=ExperimentalWarning', pathOf(snippet)]
  const { code, timedOut, output } = await command(process.execPath, args, { cwd: root, limitMs: LIMIT_MS })
  if (code === 0) return undefined
  const ending = timedOut ? `did not end within ${LIMIT_MS} ms` : `ended with ${code === null ? 'a signal' : `code ${code}`}`
  return `${snippet.file}:${snippet.line}: ${ending}\n${inDocumentTerms(output).trim().split('\n').slice(-20).join('\n')}`
}

/** `.snippets/README.md/12.ts(14,5)` is `README.md:14:5`. */
function inDocumentTerms(output: string): string {
  return output
    .replace(/\.snippets\/(\S+?\.md)\/\d+\.ts\((\d+),(\d+)\)/g, '$1:$2:$3')
    .replace(/(?:file:\/\/)?\S*?\.snippets\/(\S+?\.md)\/\d+\.ts:(\d+)/g, '$1:$2')
}

function packagesWithoutExample(root: string, found: readonly Snippet[]): readonly string[] {
  const withExample = new Set(found.filter((snippet) => snippet.runs).map((snippet) => snippet.file))
  return globSync('packages/*/package.json', { cwd: root })
    .map((file) => `${dirname(file)}/README.md`)
    .filter((file) => !withExample.has(file))
    .sort()
    .map((file) => `${file}: has no \`\`\`ts example that runs`)
}
