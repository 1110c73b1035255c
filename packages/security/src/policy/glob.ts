/** Whether a name is one of several patterns. */
export type Matcher = (name: string) => boolean

/**
 * `*` stands for anything but `/` and `.`, `**` for anything; everything else for itself. Matched by walking, not by a regular
 * expression: a pattern from a file must not be able to make one that never ends.
 */
export function glob(patterns: readonly string[]): Matcher {
  const exact = new Set(patterns.filter((pattern) => !pattern.includes('*')))
  const others = patterns.filter((pattern) => pattern.includes('*')).map(tokensOf)
  return (name) => exact.has(name) || others.some((tokens) => matches(tokens, name))
}

function tokensOf(pattern: string): readonly string[] {
  return pattern.split(/(\*+)/).filter((token) => token !== '')
}

/** At most (length of the name) x (number of tokens) steps: places reached so far are walked together. */
function matches(tokens: readonly string[], name: string): boolean {
  let places = new Set([0])
  for (const token of tokens) {
    const reached = new Set<number>()
    for (const place of places) {
      if (!token.startsWith('*')) {
        if (name.startsWith(token, place)) reached.add(place + token.length)
        continue
      }
      for (let at = place; !reached.has(at); at++) {
        reached.add(at)
        if (at === name.length || (token === '*' && isSeparator(name.charCodeAt(at)))) break
      }
    }
    if (reached.size === 0) return false
    places = reached
  }
  return places.has(name.length)
}

function isSeparator(code: number): boolean {
  return code === 0x2f || code === 0x2e
}
