import { isSecretKey } from '@comm/core'

/** Keys come from code and repeat; more different ones than this come from data, and are not worth remembering. */
const MOST_REMEMBERED = 1000

/** Whether the value under a key is a secret: what core knows, and what the options add or take away. */
export function secretKeys(redact: readonly string[], reveal: readonly string[]): (key: string) => boolean {
  const redacted = new Set(redact.map(plainKey))
  const revealed = new Set(reveal.map(plainKey))
  const known = new Map<string, boolean>()
  return (key) => {
    let secret = known.get(key)
    if (secret === undefined) {
      const plain = plainKey(key)
      secret = redacted.has(plain) || (isSecretKey(key) && !revealed.has(plain))
      if (known.size < MOST_REMEMBERED) known.set(key, secret)
    }
    return secret
  }
}

function plainKey(key: string): string {
  return key.toLowerCase().replace(/[-_.\s]/g, '')
}
