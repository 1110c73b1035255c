import { styleText } from 'node:util'

/** One thing that was promised, and whether it happened. */
export interface Finding {
  readonly chapter: string
  readonly claim: string
  readonly happened: boolean
  readonly seen: string
}

type Style = 'bold' | 'dim' | 'green' | 'red' | 'cyan' | 'yellow'

/** Tells people, on a terminal, what the demo does and what came of it. With `json` it keeps quiet and only remembers. */
export class Account {
  readonly findings: Finding[] = []
  readonly #json: boolean
  #chapter = ''

  constructor({ json }: { readonly json: boolean }) {
    this.#json = json
  }

  chapter(title: string, explanation: string): void {
    this.#chapter = title
    this.#print('')
    this.#print(paint('bold', `${title}`))
    this.#print(paint('dim', `  ${explanation}`))
  }

  /** A line of what is going on: who, and what they did. */
  tell(who: string, what: string): void {
    this.#print(`  ${paint('cyan', who.padEnd(13))} ${what}`)
  }

  /** States that something happened; the demo fails when it did not. */
  check(claim: string, happened: boolean, seen: string | number): void {
    this.findings.push({ chapter: this.#chapter, claim, happened, seen: String(seen) })
    this.#print(`  ${happened ? paint('green', '✓') : paint('red', '✗')} ${claim} ${paint('dim', `(${seen})`)}`)
  }

  get succeeded(): boolean {
    return this.findings.length > 0 && this.findings.every(({ happened }) => happened)
  }

  /** The summary table, or the JSON document. */
  conclude(durationMs: number): void {
    const chapters = [...new Set(this.findings.map(({ chapter }) => chapter))]
    if (this.#json) {
      console.log(JSON.stringify({ ok: this.succeeded, durationMs: Math.round(durationMs), findings: this.findings }, null, 2))
      return
    }
    const width = Math.max(...chapters.map((chapter) => chapter.length))
    this.#print('')
    this.#print(paint('bold', 'Summary'))
    for (const chapter of chapters) {
      const of = this.findings.filter((finding) => finding.chapter === chapter)
      const held = of.filter(({ happened }) => happened).length
      this.#print(
        `  ${chapter.padEnd(width)}  ${held === of.length ? paint('green', 'shown') : paint('red', 'FAILED')}  ${held}/${of.length}`,
      )
    }
    this.#print(paint('dim', `  ${(durationMs / 1000).toFixed(1)} s`))
  }

  line(text: string): void {
    this.#print(text)
  }

  #print(text: string): void {
    if (!this.#json) console.log(text)
  }
}

/** Colours only where the output is a terminal; NO_COLOR is heeded. */
function paint(style: Style, text: string): string {
  return styleText(style, text, { stream: process.stdout })
}
