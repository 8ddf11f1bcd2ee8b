import react from '@vitejs/plugin-react'
import { defaultClientConditions, defineConfig, type Plugin } from 'vite'

/** Languages the portal has messages for; strings React Aria ships for others stay out of the bundle. */
const LANGUAGES = ['en', 'nl', 'de', 'fr']

/**
 * Leaves out React Aria's strings of languages the portal does not speak: they would be a third of the lazily loaded parts.
 * React Aria falls back to English for a locale that is empty.
 */
const onlyOurLanguages: Plugin = {
  name: 'only-our-languages',
  enforce: 'pre',
  load(id) {
    const locale = /[\\/]react-(?:aria|stately)[^?]*[\\/]([a-z]{2})-[A-Z]{2}\.m?js(?:\?|$)/.exec(id)
    return locale && !LANGUAGES.includes(locale[1]) ? 'export default {}' : undefined
  },
}

/** Builds `web/dist`: hashed assets, no inline script or style, nothing from other hosts. */
export default defineConfig({
  root: import.meta.dirname,
  plugins: [onlyOurLanguages, react()],
  resolve: { conditions: ['@gridtally/source', ...defaultClientConditions] },
  build: {
    outDir: 'dist',
    emptyOutDir: true,
    target: ['chrome123', 'firefox120', 'safari17.5'],
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    manifest: true,
    reportCompressedSize: false,
  },
  server: { host: '127.0.0.1', proxy: { '/api': 'http://127.0.0.1:8788', '/health': 'http://127.0.0.1:8788' } },
})
