import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'

/** Digest of everything the screens are built from. */
function sourceDigest(root: string): string {
  const hash = createHash('sha256')
  for (const folder of ['web', 'packages/wire/src', 'packages/metering/src']) {
    const files = readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
    for (const file of files.sort((a, b) => (join(a.parentPath, a.name) < join(b.parentPath, b.name) ? -1 : 1))) {
      const path = join(file.parentPath, file.name)
      if (!file.isFile() || path.includes('/dist/') || path.includes('/node_modules/')) continue
      hash.update(path.slice(root.length)).update('\0').update(readFileSync(path)).update('\0')
    }
  }
  return hash.update(readFileSync(join(root, 'package-lock.json'))).digest('hex')
}

/**
 * Builds the screens into `web/dist` unless they are built from exactly these sources.
 *
 * @param root the project's folder
 * @returns whether there was something to build
 * @throws Error with the builder's words when it fails
 */
export async function buildWeb(root: string): Promise<boolean> {
  const stamp = join(root, 'web/dist/.stamp')
  if (!existsSync(join(root, 'web/vite.config.ts'))) return false
  const digest = sourceDigest(root)
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === digest) return false
  const vite = join(root, 'node_modules/vite/bin/vite.js')
  const { NODE_OPTIONS: _, ...env } = process.env
  try {
    await promisify(execFile)(process.execPath, [vite, 'build', 'web', '--logLevel', 'error'], { cwd: root, env })
  } catch (cause) {
    throw new Error(
      `the screens could not be built: ${(cause as { stderr?: string }).stderr || (cause as Error).message}`,
      { cause },
    )
  }
  writeFileSync(stamp, digest)
  return true
}
