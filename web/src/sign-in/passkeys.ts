import type {
  PublicKeyCredentialCreationOptionsJSON,
  PublicKeyCredentialRequestOptionsJSON,
} from '@simplewebauthn/browser'
import { ask } from '../api/client.ts'
import type { Me, Passkey } from '../api/types.ts'

/** Whether passkeys can work here: the browser knows them, and the address is a name, since they are never bound to a bare IP address. */
export function passkeysWork(): boolean {
  return 'PublicKeyCredential' in window && !/^[\d.]+$|:/.test(location.hostname.replace(/^\[|\]$/g, ''))
}

/** Makes a passkey on this device and registers its public half. Throws when the person closes the dialog or the server refuses. */
export async function addPasskey(name: string): Promise<Passkey> {
  const [{ startRegistration }, optionsJSON] = await Promise.all([
    import('@simplewebauthn/browser'),
    ask<PublicKeyCredentialCreationOptionsJSON>('/api/passkeys/registration/options', { method: 'POST', body: {} }),
  ])
  const response = await startRegistration({ optionsJSON })
  return ask<Passkey>('/api/passkeys/registration', { method: 'POST', body: { name, response } })
}

/** Signs in with a passkey of this device. Throws as {@link addPasskey}. */
export async function signInWithPasskey(): Promise<Me> {
  const [{ startAuthentication }, optionsJSON] = await Promise.all([
    import('@simplewebauthn/browser'),
    ask<PublicKeyCredentialRequestOptionsJSON>('/api/passkeys/assertion/options', { method: 'POST', body: {} }),
  ])
  const response = await startAuthentication({ optionsJSON })
  return ask<Me>('/api/passkeys/assertion', { method: 'POST', body: { response } })
}
