/**
 * What a script names and what its caller adds, in an order that Jest understands: its `--selectProjects` takes every word that
 * follows for a project, and after `--` it takes every option for a path. So the projects come last and `--` goes.
 */
export function arrangeArguments(given: readonly string[]): readonly string[] {
  const words = given.filter((word) => word !== '--')
  const [option, project, ...rest] = words
  return option === '--selectProjects' && project !== undefined ? [...rest, option, project] : words
}
