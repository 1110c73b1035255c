/** `lineItems`, `line-items` and `Line items` are the words line, items. */
function words(name: string): readonly string[] {
  const spaced = name.replace(/([a-z\d])([A-Z])/g, '$1 $2').replace(/([A-Z]+)([A-Z][a-z])/g, '$1 $2')
  return spaced.split(/[^A-Za-z\d]+/).filter((word) => word !== '')
}

/** As buf's linter wants names of messages and enums. */
export function pascalCase(name: string): string {
  const joined = words(name)
    .map((word) => word.charAt(0).toUpperCase() + word.slice(1).toLowerCase())
    .join('')
  return /^\d/.test(joined) ? `_${joined}` : joined
}

/** … of fields. */
export function snakeCase(name: string): string {
  const joined = words(name)
    .map((word) => word.toLowerCase())
    .join('_')
  return /^\d/.test(joined) ? `_${joined}` : joined
}

/** … of values of enums. */
export function upperSnakeCase(name: string): string {
  return snakeCase(name).toUpperCase()
}

/** The name that protobuf itself gives a field in JSON. */
export function protoJsonName(field: string): string {
  return field.replace(/_+([a-zA-Z\d])/g, (_, letter: string) => letter.toUpperCase())
}
