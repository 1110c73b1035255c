/** A document as an object that JSON holds. */
export type JsonDocument = Readonly<Record<string, unknown>>
