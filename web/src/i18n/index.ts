import { type Formats, formatsFor } from '../model/format.ts'
import { en, type Messages } from './en.ts'

/**
 * Languages with messages, each loaded only where it is spoken. A new one is a file of type `Messages` and a line here.
 */
const LANGUAGES: Readonly<Record<string, () => Promise<Messages>>> = { en: async () => en }

/** The messages of the language in use; set once, before anything is drawn. */
export let m: Messages = en

/** Formats of numbers and times in the locale in use. */
export let f: Formats = formatsFor('en-GB')

/** Chooses language and locale by what the browser prefers, and tells the document. */
export async function chooseLanguage(preferred: readonly string[]): Promise<void> {
  const locale = preferred.find((tag) => LANGUAGES[tag.split('-')[0].toLowerCase()]) ?? 'en-GB'
  const language = locale.split('-')[0].toLowerCase()
  m = await LANGUAGES[language]()
  f = formatsFor(locale)
  document.documentElement.lang = locale
}
