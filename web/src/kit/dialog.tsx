import type { ReactElement, ReactNode } from 'react'
import { Dialog, Heading } from 'react-aria-components/Dialog'
import { Modal, ModalOverlay } from 'react-aria-components/Modal'
import { m } from '../i18n/index.ts'
import { Icon } from './icons.tsx'
import { Button, kit } from './kit.tsx'

/** A modal dialog: focus stays inside, Escape and a click outside close it, focus returns. Load it lazily. */
export function ModalDialog(props: {
  readonly title: string
  readonly onClose: () => void
  readonly children: ReactNode
}): ReactElement {
  return (
    <ModalOverlay
      className={kit.overlay}
      isOpen
      isDismissable
      onOpenChange={(open) => {
        if (!open) props.onClose()
      }}
    >
      <Modal>
        <Dialog className={kit.dialog}>
          <div className={kit.cardHead}>
            <Heading slot="title">{props.title}</Heading>
            <Button look="quiet" small square aria-label={m.app.close} onClick={props.onClose}>
              <Icon name="cross" />
            </Button>
          </div>
          {props.children}
        </Dialog>
      </Modal>
    </ModalOverlay>
  )
}
