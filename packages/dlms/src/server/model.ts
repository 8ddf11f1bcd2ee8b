import { type ObisCode, obisCode } from '@gridtally/metering'
import { axdr, type DlmsData } from '../axdr/data.ts'
import { encodeData } from '../axdr/encode.ts'
import { AssociationLn } from '../cosem/classes.ts'
import { logicalName } from '../cosem/data-type.ts'
import type { Protection } from '../security/control.ts'
import { conformance } from '../xdlms/conformance.ts'
import { type ServedObject, serving } from './served-object.ts'

/** What a right is about. */
export type AccessRight = 'read' | 'write' | 'call'

/** One kind of client the device lets in, by its SAP. */
export interface ServerAssociationProfile<D> {
  readonly clientSap: number
  /** `low` needs `password`, `high-gmac` needs the device to have keys. */
  readonly mechanism: 'lowest' | 'low' | 'high-gmac'
  readonly password?: (device: D) => Uint8Array
  /** Least protection of requests; answers get what the request had. Default `none`. */
  readonly protection?: Protection
  /** Whether this client may read or write an attribute or call a method. Default: all that is served. */
  readonly may?: (right: AccessRight, object: ServedObject<D>, id: number) => boolean
}

/** What a kind of device is: its objects and clients. Made once, shared by all devices of the kind. */
export interface ServerModel<D> {
  readonly objects: ReadonlyMap<ObisCode, ServedObject<D>>
  readonly associations: ReadonlyMap<number, ServerAssociationProfile<D>>
  /** `object_list` for a client SAP, in A-XDR octets. */
  objectList(clientSap: number): Uint8Array
  /** Services this server has. */
  readonly conformance: number
  /** Longest APDU taken, in octets. */
  readonly maxReceivePduSize: number
  /** Longest value put together from a client's blocks, in octets. */
  readonly maxValueOctets: number
}

/** Logical name of the current association. */
export const CURRENT_ASSOCIATION = obisCode('0.0.40.0.0.255')

const SUPPORTED = conformance(
  'general-protection',
  'priority-mgmt-supported',
  'block-transfer-with-get-or-read',
  'block-transfer-with-set-or-write',
  'block-transfer-with-action',
  'multiple-references',
  'get',
  'set',
  'selective-access',
  'action',
)

/**
 * Puts a model together. The current association (0.0.40.0.0.255) is added by itself.
 *
 * @throws TypeError for two objects of one logical name, or two associations of one SAP
 */
export function serverModel<D>(parts: {
  readonly objects: readonly ServedObject<D>[]
  readonly associations: readonly ServerAssociationProfile<D>[]
  /** Default 1024. */
  readonly maxReceivePduSize?: number
  /** Default 65 536. */
  readonly maxValueOctets?: number
}): ServerModel<D> {
  const objects = new Map<ObisCode, ServedObject<D>>()
  const current = currentAssociation<D>(() => lists)
  for (const object of [current, ...parts.objects]) {
    if (objects.has(object.logicalName)) throw new TypeError(`two objects ${object.logicalName}`)
    objects.set(object.logicalName, object)
  }
  const associations = new Map<number, ServerAssociationProfile<D>>()
  for (const profile of parts.associations) {
    if (associations.has(profile.clientSap)) throw new TypeError(`two associations for client ${profile.clientSap}`)
    associations.set(profile.clientSap, profile)
  }
  const lists = new Map<number, Uint8Array>()
  for (const profile of associations.values()) lists.set(profile.clientSap, encodeObjectList(objects, profile))
  return {
    objects,
    associations,
    objectList: (clientSap) => lists.get(clientSap) ?? encodeData(axdr.array([])),
    conformance: SUPPORTED,
    maxReceivePduSize: parts.maxReceivePduSize ?? 1024,
    maxValueOctets: parts.maxValueOctets ?? 65_536,
  }
}

/** Attributes of the association whose values depend on who asks. `replyToHls` is handled where associations are made. */
function currentAssociation<D>(lists: () => ReadonlyMap<number, Uint8Array>): ServedObject<D> {
  const served = serving<D>().serve(AssociationLn, CURRENT_ASSOCIATION, {
    read: {
      associatedPartnersId: (_device, request) => ({ clientSap: request.clientSap, serverSap: 1 }),
      associationStatus: 2,
      securitySetupReference: obisCode('0.0.43.0.0.255'),
    },
  })
  const readable = new Map(served.readable)
  readable.set(2, (_device, { clientSap }) => ({
    ok: true,
    data: lists().get(clientSap) ?? encodeData(axdr.array([])),
  }))
  return { ...served, readable }
}

/** Access mode of an attribute: 0 none, 1 read, 2 write, 3 both. */
function accessMode(read: boolean, write: boolean): number {
  return (read ? 1 : 0) | (write ? 2 : 0)
}

function encodeObjectList<D>(
  objects: ReadonlyMap<ObisCode, ServedObject<D>>,
  profile: ServerAssociationProfile<D>,
): Uint8Array {
  const elements: DlmsData[] = []
  for (const object of objects.values()) {
    const attributes = attributeRights(object, profile)
    const methods = [...object.callable.keys()].filter((id) => may(profile, 'call', object, id))
    if (attributes.length === 0 && methods.length === 0) continue
    elements.push(
      axdr.structure([
        axdr.longUnsigned(object.classId),
        axdr.unsigned(object.version),
        logicalName.encode(object.logicalName),
        axdr.structure([
          axdr.array(attributes),
          axdr.array(methods.map((id) => axdr.structure([axdr.integer(id), axdr.enum(1)]))),
        ]),
      ]),
    )
  }
  return encodeData(axdr.array(elements))
}

function attributeRights<D>(object: ServedObject<D>, profile: ServerAssociationProfile<D>): DlmsData[] {
  const ids = [...new Set([...object.readable.keys(), ...object.writable.keys()])].sort((a, b) => a - b)
  return ids.flatMap((id) => {
    const mode = accessMode(may(profile, 'read', object, id), may(profile, 'write', object, id))
    if (mode === 0) return []
    const selectors = object.selectors.get(id)
    return [
      axdr.structure([
        axdr.integer(id),
        axdr.enum(mode),
        selectors ? axdr.array(selectors.map((selector) => axdr.integer(selector))) : axdr.null,
      ]),
    ]
  })
}

/** Whether a client may do something that is served at all. */
export function may<D>(
  profile: ServerAssociationProfile<D>,
  right: AccessRight,
  object: ServedObject<D>,
  id: number,
): boolean {
  const handlers = right === 'read' ? object.readable : right === 'write' ? object.writable : object.callable
  return handlers.has(id) && (profile.may?.(right, object, id) ?? true)
}
