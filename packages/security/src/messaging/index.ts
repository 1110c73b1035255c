export {
  REPLAY_DEFAULTS,
  type ReplayOptions,
  SIGNED_MESSAGES_DEFAULTS,
  type SignedMessagesOptions,
  type Signer,
  type SigningOptions,
} from './options.ts'
export { signedMessages } from './signed-messages.ts'
export { SIGNATURE_HEADER } from './signed-text.ts'
export type { TopicRule } from './topic-rules.ts'
