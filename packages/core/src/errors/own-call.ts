import type { CommunicationError } from './errors.ts'

/** Whether it is of a call that was made from here: what another service said of that is not about who called here. */
export function isOfOwnCall({ details }: CommunicationError): boolean {
  return details['target'] !== undefined || details['url'] !== undefined
}
