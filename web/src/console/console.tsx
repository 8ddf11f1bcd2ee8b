import type { ReactElement } from 'react'
import type { Me } from '../api/types.ts'
/** Console. */
export function Console({ me }: { readonly me: Me }): ReactElement {
  return <p>{me.name}</p>
}
