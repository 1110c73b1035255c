export { API_KEY_DEFAULTS, type ApiKeys, type ApiKeysOptions, apiKeys, type IssuedApiKey, type NewApiKey } from './api-keys.ts'
export { type ApiKeyRecord, type ApiKeyStore, MemoryApiKeyStore } from './store.ts'
