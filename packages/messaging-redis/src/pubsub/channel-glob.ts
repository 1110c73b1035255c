/** A glob for Redis that matches at least what a topic pattern does (`*` one word, `#` any number): its `*` does not stop at dots. */
export function channelGlob(pattern: string): string {
  return pattern
    .split('.')
    .map((word) => (word === '*' || word === '#' ? word : word.replace(/[*?[\]\\^]/g, '\\$&')))
    .join('.')
    .replace(/(?:^|\.)#(?:\.|$)/g, '*')
    .replaceAll('#', '*')
}
