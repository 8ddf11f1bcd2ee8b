const CONTEXTS = { 1: 'ln', 2: 'sn', 3: 'ln-ciphered', 4: 'sn-ciphered' } as const
const MECHANISMS = {
  0: 'lowest',
  1: 'low',
  2: 'high',
  3: 'high-md5',
  4: 'high-sha1',
  5: 'high-gmac',
  6: 'high-sha256',
  7: 'high-ecdsa',
} as const
const DIAGNOSTICS: Readonly<Record<number, string>> = {
  0: 'null',
  1: 'no-reason-given',
  2: 'application-context-name-not-supported',
  3: 'calling-ap-title-not-recognized',
  4: 'calling-ap-invocation-identifier-not-recognized',
  5: 'calling-ae-qualifier-not-recognized',
  6: 'calling-ae-invocation-identifier-not-recognized',
  7: 'called-ap-title-not-recognized',
  8: 'called-ap-invocation-identifier-not-recognized',
  9: 'called-ae-qualifier-not-recognized',
  10: 'called-ae-invocation-identifier-not-recognized',
  11: 'authentication-mechanism-name-not-recognised',
  12: 'authentication-mechanism-name-required',
  13: 'authentication-failure',
  14: 'authentication-required',
}

/** How objects are named, and whether APDUs are ciphered (object identifiers 2.16.756.5.8.1.x). */
export type ApplicationContext = (typeof CONTEXTS)[keyof typeof CONTEXTS] | `id-${number}`

/** How the sides prove who they are (object identifiers 2.16.756.5.8.2.x). */
export type AuthenticationMechanism = (typeof MECHANISMS)[keyof typeof MECHANISMS] | `id-${number}`

function id(table: Readonly<Record<number, string>>, name: string): number {
  for (const [code, known] of Object.entries(table)) if (known === name) return Number(code)
  return Number(name.slice(3))
}

/** Name of an application context by the last arc of its object identifier. */
export function contextName(code: number): ApplicationContext {
  // Lookups by an arbitrary number may miss.
  return (CONTEXTS as Readonly<Record<number, ApplicationContext | undefined>>)[code] ?? `id-${code}`
}

/** Last arc of an application context's object identifier. */
export function contextId(name: ApplicationContext): number {
  return id(CONTEXTS, name)
}

/** Name of an authentication mechanism by the last arc of its object identifier. */
export function mechanismName(code: number): AuthenticationMechanism {
  // Lookups by an arbitrary number may miss.
  return (MECHANISMS as Readonly<Record<number, AuthenticationMechanism | undefined>>)[code] ?? `id-${code}`
}

/** Last arc of an authentication mechanism's object identifier. */
export function mechanismId(name: AuthenticationMechanism): number {
  return id(MECHANISMS, name)
}

/** Words for the diagnostic of an AARE whose source is the service user. */
export function diagnosticName(code: number): string {
  return DIAGNOSTICS[code] ?? `diagnostic ${code}`
}
