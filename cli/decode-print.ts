import { type ExplainedNode, obisName, type PushResult } from '@gridtally/dlms'
import { formatObis, type ObisCode, obisCode, unitSymbol } from '@gridtally/metering'
import { toHex } from '@gridtally/wire'

/** Paints text, or leaves it as it is. */
export interface Paint {
  readonly dim: (text: string) => string
  readonly bold: (text: string) => string
  readonly value: (text: string) => string
  readonly fault: (text: string) => string
}

/** Colours of a terminal, or none. */
export function paint(color: boolean): Paint {
  const code =
    (number: number) =>
    (text: string): string =>
      color ? `\u001b[${number}m${text}\u001b[0m` : text
  return { dim: code(2), bold: code(1), value: code(36), fault: code(31) }
}

/** Octets shown on a line before the rest is left out. */
const OCTETS_SHOWN = 8
const OCTETS_WIDTH = OCTETS_SHOWN * 2 + 1

/** The lines of a tree: offset, octets, meaning and value, indented by depth. `octets` are what the root's offsets count in. */
export function treeLines(root: ExplainedNode, octets: Uint8Array, colors: Paint): string {
  let text = ''
  const show = (node: ExplainedNode, depth: number, bytes: Uint8Array): void => {
    const own = node.octets ?? bytes
    const hex =
      node.children.length > 0 || node.secret ? '' : shortHex(own.subarray(node.offset, node.offset + node.length))
    const place = `${String(node.offset).padStart(6)}  ${hex.padEnd(OCTETS_WIDTH)}`
    const { value, fault } = node
    const said = value === undefined || value === '' ? '' : `: ${colors.value(value)}`
    const space = node.space ? colors.dim(` (offsets below count in the ${spaceWords(node)})`) : ''
    const label = fault ? colors.fault(node.label) : node.children.length > 0 ? colors.bold(node.label) : node.label
    const clause = node.clause && depth < 2 && node.children.length > 0 ? colors.dim(`  [${node.clause}]`) : ''
    text += `${colors.dim(place)} ${'  '.repeat(depth)}${label}${said}${space}${clause}\n`
    if (fault) {
      const why = `✗ ${fault.code} at octet ${fault.offset}: ${fault.reason}`
      text += `${' '.repeat(place.length)} ${'  '.repeat(depth + 1)}${colors.fault(why)}\n`
    }
    for (const child of node.children) show(child, depth + 1, own)
  }
  show(root, 0, octets)
  return text
}

function spaceWords(node: ExplainedNode): string {
  return node.space === 'plaintext' ? 'plaintext' : 'message'
}

function shortHex(octets: Uint8Array): string {
  return octets.length <= OCTETS_SHOWN ? toHex(octets) : `${toHex(octets.subarray(0, OCTETS_SHOWN))}…`
}

type Notification = Extract<PushResult, { kind: 'notification' }>

/** The readings of a message as a table. */
export function readingLines({ readings, security, offset }: Notification, colors: Paint): string {
  const title = security ? toHex(security.systemTitle) : undefined
  const facts = [
    `readings of the message at octet ${offset}`,
    readings.at && `at ${readings.at.text}${readings.at.instant === undefined ? ' (local time of the meter)' : ''}`,
    readings.listId && `list ${readings.listId}`,
    title && `from ${title}, counter ${security?.invocationCounter}`,
    security && !security.verified && 'not authenticated',
  ].filter(Boolean)
  const rows = readings.readings.map(({ obis, value, unit, kind, attributeId }) => [
    `${obis ? formatObis(obis) : '?'}${attributeId !== undefined && attributeId !== 2 ? ` attribute ${attributeId}` : ''}`,
    kind === 'text' ? `"${value}"` : value,
    unit === undefined ? '' : unitSymbol(unit),
    obis ? nameOf(obis) : '',
  ])
  const widths = [0, 1, 2].map((column) => Math.max(0, ...rows.map((row) => row[column].length)))
  const lines = rows.map(([obis, value, unit, name]) => {
    const facts = `  ${obis.padEnd(widths[0])}  ${colors.value(value.padStart(widths[1]))} ${unit.padEnd(widths[2])}`
    return name === '' ? facts.trimEnd() : `${facts}  ${colors.dim(name)}`
  })
  return `${colors.bold(facts.join(', '))}\n${lines.join('\n')}\n`
}

/** What the dictionary calls a code; channels mean what channel 0 does. */
function nameOf(obis: ObisCode): string {
  return obisName(obis) ?? obisName(obisCode(obis.replace(/^(\d+)\.\d+\./, '$1.0.'))) ?? ''
}

/** The readings of a message as `--json` prints them: quantities as decimal strings, times as ISO 8601. */
export function readingsJson({ readings, security, carrier }: Notification): Record<string, unknown> {
  return {
    carrier,
    ...(readings.at && { at: readings.at.text }),
    ...(readings.listId !== undefined && { listId: readings.listId }),
    ...(security && {
      systemTitle: toHex(security.systemTitle),
      invocationCounter: security.invocationCounter,
      authenticated: security.verified,
    }),
    readings: readings.readings.map(({ unit, ...reading }) => ({
      ...reading,
      ...(unit !== undefined && { unit: unitSymbol(unit), unitCode: unit }),
    })),
  }
}
