import type { ObisCode } from '@gridtally/metering'
import type { DlmsData } from '../axdr/data.ts'
import type { AttributeDescriptor, MethodDescriptor, SelectiveAccess } from '../xdlms/apdu.ts'
import { anyData, type DataType, logicalName, toObis } from './data-type.ts'

/** One attribute of a class: its index and what it holds. */
export interface Attribute<T> {
  readonly id: number
  readonly type: DataType<T>
}

/** One method of a class: its index, what it takes and gives. */
export interface Method<P, R> {
  readonly id: number
  readonly parameter: DataType<P>
  readonly returns: DataType<R>
}

/** Declares an attribute. */
export function attribute<T>(id: number, type: DataType<T>): Attribute<T> {
  return { id, type }
}

/** Declares a method. Most give nothing back. */
export function method<P, R = DlmsData>(
  id: number,
  parameter: DataType<P>,
  // A method that declares no result gives whatever the meter sends.
  returns: DataType<R> = anyData as unknown as DataType<R>,
): Method<P, R> {
  return { id, parameter, returns }
}

/** A named attribute of a named object, with its type: what `get` and `set` of a client take. */
export interface AttributeRef<T> extends AttributeDescriptor {
  readonly type: DataType<T>
  readonly access?: SelectiveAccess
}

/** A named method of a named object, with its types. */
export interface MethodRef<P, R> extends MethodDescriptor {
  readonly parameter: DataType<P>
  readonly returns: DataType<R>
}

type Attributes = Readonly<Record<string, Attribute<unknown>>>
type Methods = Readonly<Record<string, Method<unknown, unknown>>>

/** TypeScript type of an attribute's values. */
export type AttributeValue<A> = A extends { readonly type: { decode(data: DlmsData): infer T } } ? T : never
/** TypeScript type of a method's parameter. */
export type MethodParameter<M> = M extends { readonly parameter: { decode(data: DlmsData): infer T } } ? T : never
/** TypeScript type of what a method returns. */
export type MethodResult<M> = M extends { readonly returns: { decode(data: DlmsData): infer T } } ? T : never

/** All attributes and methods of one object, as references. */
export type ObjectRefs<A, M> = { readonly [K in keyof A]: AttributeRef<AttributeValue<A[K]>> } & {
  readonly [K in keyof M]: MethodRef<MethodParameter<M[K]>, MethodResult<M[K]>>
}

/** A COSEM interface class as a table; clients and servers read the same one. */
export interface InterfaceClass<A, M> {
  readonly classId: number
  readonly version: number
  readonly attributes: A
  readonly methods: M
  /** References to the attributes and methods of the object with this logical name. */
  at(code: ObisCode | string): ObjectRefs<A, M>
}

/** Declares an interface class. Attribute 1, `logicalName`, is the same in all and need not be told. */
export function interfaceClass<A extends Attributes, M extends Methods>(table: {
  readonly classId: number
  readonly version: number
  readonly attributes: A
  readonly methods: M
}): InterfaceClass<A & { readonly logicalName: Attribute<ObisCode> }, M> {
  const attributes = { logicalName: attribute(1, logicalName), ...table.attributes }
  type All = A & { readonly logicalName: Attribute<ObisCode> }
  return {
    ...table,
    attributes,
    at(code) {
      const name = toObis(code)
      const { classId } = table
      const refs: Record<string, unknown> = {}
      for (const [key, { id, type }] of Object.entries(attributes))
        refs[key] = { classId, logicalName: name, attributeId: id, type }
      for (const [key, { id, parameter, returns }] of Object.entries(table.methods))
        refs[key] = { classId, logicalName: name, methodId: id, parameter, returns }
      // One reference for each entry of the two tables, built just above.
      return refs as ObjectRefs<All, M>
    },
  }
}

/** Reference to an attribute of a class this package has no table for. */
export function attributeRef(classId: number, code: ObisCode | string, attributeId: number): AttributeRef<DlmsData> {
  return { classId, logicalName: toObis(code), attributeId, type: anyData }
}

/** Reference to a method of a class this package has no table for. */
export function methodRef(classId: number, code: ObisCode | string, methodId: number): MethodRef<DlmsData, DlmsData> {
  return { classId, logicalName: toObis(code), methodId, parameter: anyData, returns: anyData }
}
