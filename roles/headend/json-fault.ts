const TOKEN =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: JSON forbids exactly these in strings (RFC 8259 §7).
  /[ \t\r\n]*(?:([{}[\],:])|("(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*")|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null)/y

type Expected = 'value' | 'value or end' | 'key' | 'key or end' | 'colon' | 'comma or end' | 'nothing'

/**
 * Where JSON text goes wrong: the offset of the first character that cannot stand where it does; its length when it breaks off.
 * For error texts that must not quote the text, which is all that JSON.parse offers for some faults.
 */
export function jsonFault(text: string): number {
  const open: ('{' | '[')[] = []
  let expected: Expected = 'value'
  let at = 0
  const after = (): Expected => (open.length > 0 ? 'comma or end' : 'nothing')
  for (;;) {
    while (at < text.length && ' \t\r\n'.includes(text[at])) at++
    TOKEN.lastIndex = at
    const match = TOKEN.exec(text)
    if (!match || expected === 'nothing') return at
    const [, mark, string] = match
    const inside = open.at(-1)
    const takesValue: boolean = expected === 'value' || expected === 'value or end'
    const ends: boolean = expected.endsWith('or end')
    if ((mark === '{' || mark === '[') && takesValue) {
      open.push(mark)
      expected = mark === '{' ? 'key or end' : 'value or end'
    } else if ((mark === '}' && inside === '{' && ends) || (mark === ']' && inside === '[' && ends)) {
      open.pop()
      expected = after()
    } else if (mark === ',' && expected === 'comma or end') expected = inside === '{' ? 'key' : 'value'
    else if (mark === ':' && expected === 'colon') expected = 'value'
    else if (string !== undefined && expected.startsWith('key')) expected = 'colon'
    else if (mark === undefined && takesValue) expected = after()
    else return at
    at = TOKEN.lastIndex
  }
}
