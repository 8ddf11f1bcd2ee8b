import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'
import type { KeyVault } from '#platform/key-vault'
import type { ReadState } from './device.ts'
import type { Seam } from './to-readings.ts'

const OWNER = 'headend'
const NONCE_OCTETS = 12
const TAG_OCTETS = 16

/**
 * Closes and opens the register values at which the next reading of a profile continues. They are consumption, so the head-end
 * keeps them sealed with a key of its own, in its database and beside its log entries alike.
 */
export interface SeamBox {
  close(meterId: string, profile: string, seam: Seam): string
  /** `undefined` when there is none, or it does not open: the next read then starts anew from its first row. */
  open(meterId: string, profile: string, state: ReadState | undefined): Seam | undefined
}

/** A box with the head-end's key from the vault, made at the first start. */
export function createSeamBox(vault: Pick<KeyVault, 'key' | 'put'>, now: number): SeamBox {
  if (!vault.key(OWNER, 'content')) vault.put([{ owner: OWNER, purpose: 'content', value: randomBytes(32) }], now)
  const key = vault.key(OWNER, 'content')
  if (!key) throw new Error('the key vault did not keep the key of the head-end')
  const boundTo = (meterId: string, profile: string, at: number): Buffer => Buffer.from(`${meterId}\n${profile}\n${at}`)
  return {
    close(meterId, profile, { at, values }) {
      const nonce = randomBytes(NONCE_OCTETS)
      const cipher = createCipheriv('aes-256-gcm', key, nonce, { authTagLength: TAG_OCTETS })
      cipher.setAAD(boundTo(meterId, profile, at))
      const body = cipher.update(JSON.stringify(values))
      return Buffer.concat([nonce, body, cipher.final(), cipher.getAuthTag()]).toString('base64')
    },
    open(meterId, profile, state) {
      if (!state || state.seam === '') return undefined
      const octets = Buffer.from(state.seam, 'base64')
      const nonce = octets.subarray(0, NONCE_OCTETS)
      try {
        const decipher = createDecipheriv('aes-256-gcm', key, nonce, { authTagLength: TAG_OCTETS })
        decipher.setAAD(boundTo(meterId, profile, state.at))
        decipher.setAuthTag(octets.subarray(octets.length - TAG_OCTETS))
        const body = octets.subarray(NONCE_OCTETS, octets.length - TAG_OCTETS)
        const text = Buffer.concat([decipher.update(body), decipher.final()]).toString()
        return { at: state.at, values: JSON.parse(text) as Record<string, string> }
      } catch {
        // Altered or of another installation: values that cannot be trusted are not built upon.
        return undefined
      }
    },
  }
}
