/** A `.proto` file before it is printed; everything at its top level. */
export interface ProtoFile {
  readonly package: string
  readonly imports: ReadonlySet<string>
  readonly messages: readonly Message[]
  readonly enums: readonly Enum[]
}

export interface Message {
  readonly name: string
  readonly comment: string | undefined
  readonly fields: readonly Field[]
}

export interface Field {
  readonly name: string
  /** As it is in JSON. */
  readonly jsonName: string
  readonly comment: string | undefined
  readonly type: string
  readonly label: '' | 'optional' | 'repeated'
  /** The `oneof` that it is part of. */
  readonly oneof?: string
}

export interface Enum {
  readonly name: string
  /** The first is the value for none. */
  readonly values: readonly string[]
}
