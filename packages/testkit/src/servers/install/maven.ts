import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { cacheFolder } from './cache.ts'
import { execute } from './execute.ts'
import { installOnce } from './install-once.ts'

/** `group:artifact:version` */
export type Coordinates = `${string}:${string}:${string}`

/** A folder with these jars and all they need, from Maven Central. @throws Error if Maven is missing or fails */
export async function mavenFolder(name: string, jars: readonly Coordinates[]): Promise<string> {
  const target = join(await cacheFolder(), name)
  await installOnce(target, async (work) => {
    await writeFile(join(work, 'pom.xml'), pom(name, jars))
    await execute('mvn', ['--batch-mode', '--quiet', '-DoutputDirectory=libs', 'dependency:copy-dependencies'], work)
  })
  return target
}

function pom(name: string, jars: readonly Coordinates[]): string {
  const dependencies = jars.map((jar) => {
    const [groupId, artifactId, version] = jar.split(':')
    return `<dependency><groupId>${groupId}</groupId><artifactId>${artifactId}</artifactId><version>${version}</version></dependency>`
  })
  return `<project>
  <modelVersion>4.0.0</modelVersion>
  <groupId>comm.testkit</groupId><artifactId>${name}</artifactId><version>1</version>
  <dependencies>${dependencies.join('')}</dependencies>
</project>
`
}
