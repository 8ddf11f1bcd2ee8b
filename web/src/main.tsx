import { QueryClientProvider } from '@tanstack/react-query'
import { createRoot } from 'react-dom/client'
import { queryClient } from './api/queries.ts'
import { App } from './app.tsx'
import { chooseLanguage } from './i18n/index.ts'
import './kit/tokens.css'
import { applyTheme } from './kit/theme.ts'

applyTheme()
await chooseLanguage(navigator.languages)
const root = document.getElementById('root')
if (!root) throw new TypeError('index.html has no element with the id "root"')
createRoot(root).render(
  <QueryClientProvider client={queryClient}>
    <App />
  </QueryClientProvider>,
)
