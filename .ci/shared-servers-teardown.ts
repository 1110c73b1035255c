export default async function teardown(): Promise<void> {
  await globalThis.commSharedServers?.[Symbol.asyncDispose]()
}
