/**
 * The schema is data: one object per section, whose shape the compiler compares with the section's interface. Spellings,
 * names of environment variables, checks, defaults and `docs/configuration.md` all come from it.
 */

/** What every setting says about itself. */
interface About {
  /** One sentence for the documentation. */
  readonly doc: string
  /** Never shown: not in errors, dumps or `inspect`. */
  readonly secret?: true
  /** The name of its environment variable, where it is not the path in capitals. */
  readonly env?: string
  /** A bare value in place of the whole section sets this one: `timeout: 30`, `cache: false`. */
  readonly alone?: true
  /** Names that it also has in the section around its own. */
  readonly outside?: readonly string[]
}

export interface TextKind {
  readonly kind: 'text'
  readonly pattern?: { readonly regexp: RegExp; readonly expected: string }
}
/** An absolute http(s) URL, kept as it was written. */
export interface UrlKind {
  readonly kind: 'url'
  /** `service://orders/path` too: what service discovery finds. */
  readonly services?: true
}
export interface ChoiceKind<Value extends string = string> {
  readonly kind: 'choice'
  readonly of: readonly Value[]
  /** Other words for a choice, in lower case. */
  readonly synonyms?: Readonly<Record<string, Value>>
}
export interface FlagKind {
  readonly kind: 'flag'
}
export interface NumberKind {
  readonly kind: 'number'
  readonly min?: number
  readonly max?: number
  readonly integer?: true
}
/** Held in milliseconds; its key ends in `Ms`. */
export interface DurationKind {
  readonly kind: 'duration'
  /** In milliseconds. @default 0 */
  readonly min?: number
}
/** Held in bytes; its key ends in `Bytes`. */
export interface SizeKind {
  readonly kind: 'size'
  /** In bytes. @default 0 */
  readonly min?: number
}
export interface ListKind {
  readonly kind: 'list'
  readonly each: TextKind | UrlKind
}
/** Keys are the user's own words: they are kept as written. */
export interface MapKind {
  readonly kind: 'map'
  readonly each: TextKind | ChoiceKind | NumberKind | ListKind
}

export type Kind = TextKind | UrlKind | ChoiceKind | FlagKind | NumberKind | DurationKind | SizeKind | ListKind | MapKind
export type Setting = Kind & About & { readonly default?: unknown }

/** Sections that the user names: `http_clients: { billing: { … } }`. */
export interface Named {
  readonly kind: 'named'
  readonly doc: string
  /** A section of the name `*` stands for what has none of its own. */
  readonly hasRest?: true
  readonly each: AnySchema
}

/** A schema as the code walks it. */
export interface AnySchema {
  readonly [key: string]: Setting | Named | AnySchema
}

type KindOf<Key, Value> = [Value] extends [boolean]
  ? FlagKind
  : [Value] extends [number]
    ? Key extends `${string}Ms`
      ? DurationKind
      : Key extends `${string}Bytes`
        ? SizeKind
        : NumberKind
    : [Value] extends [string]
      ? string extends Value
        ? TextKind | UrlKind
        : ChoiceKind<Value>
      : [Value] extends [readonly string[]]
        ? ListKind
        : [Value] extends [Readonly<Record<string, string | number | readonly string[]>>]
          ? string extends keyof Value
            ? MapKind
            : undefined
          : undefined

type NodeOf<Key, Value, Default> =
  KindOf<Key, Value> extends Kind ? KindOf<Key, Value> & About & Default : string extends keyof Value ? Named : Schema<Value>

/**
 * The schema of a section: a setting for each property of its interface, of the kind that fits the property's type and name.
 * A property that is always there has a default; an optional one has none.
 */
export type Schema<Section> = {
  readonly [Key in keyof Section]-?: Record<never, never> extends Pick<Section, Key>
    ? NodeOf<Key, Exclude<Section[Key], undefined>, { readonly default?: never }>
    : NodeOf<Key, Section[Key], { readonly default: Section[Key] }>
}

export function isSetting(node: Setting | Named | AnySchema): node is Setting {
  return typeof node.kind === 'string' && node.kind !== 'named'
}

export function isNamed(node: Setting | Named | AnySchema): node is Named {
  return node.kind === 'named'
}
