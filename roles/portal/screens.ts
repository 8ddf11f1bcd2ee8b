import { createHash } from 'node:crypto'
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { extname, join, relative, sep } from 'node:path'
import { brotliCompressSync, constants, gzipSync } from 'node:zlib'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { type App, Problem } from '#platform/http'

interface Asset {
  readonly type: string
  readonly tag: string
  /** Whether the name holds a digest of the content. */
  readonly fixed: boolean
  readonly octets: Buffer
  readonly gzip: Buffer | undefined
  readonly brotli: Buffer | undefined
}

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.json': 'application/json',
  '.webmanifest': 'application/manifest+json',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.ico': 'image/x-icon',
  '.woff2': 'font/woff2',
  '.txt': 'text/plain; charset=utf-8',
}
const COMPRESSED = new Set(['.html', '.js', '.css', '.json', '.webmanifest', '.svg', '.txt'])
/** Vite puts files with a digest in their name here. */
const HASHED = /^\/assets\/.+-[A-Za-z0-9_-]{8,}\.\w+$/
const LOOK_EVERY_MS = 1000

const WAITING = `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><meta http-equiv="refresh" content="2">
<title>Gridtally</title></head><body><h1>Gridtally</h1><p>The screens are being built. This page looks again every two seconds.</p></body></html>
`

function assetOf(path: string, octets: Buffer): Asset {
  const extension = extname(path)
  const small = COMPRESSED.has(extension) && octets.length > 512
  return {
    type: TYPES[extension] ?? 'application/octet-stream',
    tag: `"${createHash('sha256').update(octets).digest('base64url').slice(0, 22)}"`,
    fixed: HASHED.test(path),
    octets,
    gzip: small ? gzipSync(octets, { level: 9 }) : undefined,
    brotli: small ? brotliCompressSync(octets, { params: { [constants.BROTLI_PARAM_QUALITY]: 9 } }) : undefined,
  }
}

/** All files of a folder by their path in it, read and compressed once: no path from outside ever touches the disk. */
export function loadScreens(folder: string): Map<string, Asset> {
  const assets = new Map<string, Asset>()
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile() || entry.name.startsWith('.')) continue
    const file = join(entry.parentPath, entry.name)
    const path = `/${relative(folder, file).split(sep).join('/')}`
    assets.set(path, assetOf(path, readFileSync(file)))
  }
  return assets
}

/** The screens of a folder, read again when its `index.html` changes. */
function watchScreens(folder: string): () => Map<string, Asset> | undefined {
  let assets: Map<string, Asset> | undefined
  let seen = Number.NaN
  let looked = Number.NEGATIVE_INFINITY
  return () => {
    if (performance.now() - looked > LOOK_EVERY_MS) {
      looked = performance.now()
      const changed = statSync(join(folder, 'index.html'), { throwIfNoEntry: false })?.mtimeMs
      if (changed === undefined) assets = undefined
      else if (changed !== seen) assets = loadScreens(folder)
      seen = changed ?? Number.NaN
    }
    return assets
  }
}

function sendAsset(request: FastifyRequest, reply: FastifyReply, asset: Asset): FastifyReply {
  reply
    .type(asset.type)
    .header('etag', asset.tag)
    .header('vary', 'accept-encoding')
    .header('cache-control', asset.fixed ? 'public, max-age=31536000, immutable' : 'no-cache')
  if (request.headers['if-none-match'] === asset.tag) return reply.code(304).send()
  const accepted = String(request.headers['accept-encoding'] ?? '')
  if (asset.brotli && /\bbr\b/.test(accepted)) return reply.header('content-encoding', 'br').send(asset.brotli)
  if (asset.gzip && /\bgzip\b/.test(accepted)) return reply.header('content-encoding', 'gzip').send(asset.gzip)
  return reply.send(asset.octets)
}

/** Serves the screens: files by name, and `index.html` for every other path without a dot, since the app routes by path. */
export function screenRoutes(app: App, folder: string): void {
  const screens = watchScreens(folder)
  const answer = async (request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> => {
    const path = request.url.split('?')[0]
    if (/^\/(api|roles)(\/|$)/.test(path)) throw new Problem('ROUTE_UNKNOWN', 'there is nothing here')
    const assets = screens()
    if (!assets)
      return reply.code(503).type('text/html; charset=utf-8').header('cache-control', 'no-store').send(WAITING)
    const asset = assets.get(path)
    if (asset) return sendAsset(request, reply, asset)
    const index = assets.get('/index.html')
    if (!index || path.split('/').at(-1)?.includes('.')) throw new Problem('ROUTE_UNKNOWN', 'there is nothing here')
    return sendAsset(request, reply, index)
  }
  const config = { access: 'public' } as const
  app.get('/', { config, schema: { summary: 'The screens', produces: ['text/html'] } }, answer)
  app.get('/*', { config, schema: { hide: true } }, answer)
}
