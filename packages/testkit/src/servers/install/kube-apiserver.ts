import { existsSync } from 'node:fs'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { cacheFolder } from './cache.ts'
import { execute } from './execute.ts'
import { installOnce } from './install-once.ts'

export const KUBERNETES_VERSION = '1.34.4'
const MAIN = `package main

import (
	"os"

	"k8s.io/component-base/cli"
	"k8s.io/kubernetes/cmd/kube-apiserver/app"
)

func main() { os.Exit(cli.Run(app.NewAPIServerCommand())) }
`

/**
 * A real kube-apiserver, built from its Go modules into the cache: no binary of it can be had from a package registry. Five minutes on two
 * cores, once.
 * @returns its file
 * @throws Error if Go is missing or the build fails
 */
export async function kubeApiserver(): Promise<string> {
  const target = join(await cacheFolder(), `kube-apiserver-${KUBERNETES_VERSION}`)
  const command = join(target, 'kube-apiserver')
  if (existsSync(command)) return command
  await installOnce(target, async (work) => {
    await writeFile(join(work, 'main.go'), MAIN)
    await writeFile(join(work, 'go.mod'), await moduleFile(work))
    await execute('go', ['mod', 'tidy'], work)
    await execute('env', ['CGO_ENABLED=0', 'go', 'build', '-ldflags', '-s -w', '-o', 'kube-apiserver', '.'], work)
  })
  return command
}

/** Kubernetes names its own parts by folders of its repository: here they are the modules of the same release. */
async function moduleFile(work: string): Promise<string> {
  const { GoMod: file } = JSON.parse(
    await execute('go', ['mod', 'download', '-json', `k8s.io/kubernetes@v${KUBERNETES_VERSION}`], work),
  ) as { GoMod: string }
  const staged = (await readFile(file, 'utf8')).matchAll(/(k8s\.io\/[a-z-]+) => \.\/staging/g)
  const replacements = [...staged].map(([, name]) => `\t${name} => ${name} v0.${KUBERNETES_VERSION.slice(2)}`)
  return `module kube\n\ngo 1.24.0\n\nrequire k8s.io/kubernetes v${KUBERNETES_VERSION}\n\nreplace (\n${replacements.join('\n')}\n)\n`
}
