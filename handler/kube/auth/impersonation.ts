/** Impersonation: `as` and its related fields, sent as client-go sends them (its transport/round_trippers.go). */
import type { UserFields } from './fields.js'

export type Headers = Readonly<Record<string, string | readonly string[]>>

const ONLY_WITH_AS = ['as-uid', 'as-groups', 'as-user-extra'] as const

/** @throws Error with the field that has no effect or cannot be sent: without it, we would act as another user */
export function checkImpersonation(user: UserFields): void {
  const set = ONLY_WITH_AS.filter((field) => Object.keys(user[field]).length > 0)
  if (user.as === '' && set.length > 0) {
    throw new Error(`${set.join(', ')} without as: set as to the user to act as, or remove ${set.join(', ')}`)
  }
  if (user.as !== '' && user.as.trim() === '')
    throw new Error('as is blank: set it to the user to act as, or remove it')
  const texts = [
    ['as', [user.as]],
    ['as-uid', [user['as-uid']]],
    ['as-groups', user['as-groups']],
    ['as-user-extra', Object.values(user['as-user-extra']).flat()],
  ] as const
  for (const [field, values] of texts) {
    if (!values.every(isHeaderValue)) throw new Error(`${field} holds a control character, which can't be sent`)
  }
}

/** One header for each group, and for each value of an extra field. */
export function impersonationHeaders(user: UserFields): Headers {
  if (user.as === '') return {}
  const headers: Record<string, string | string[]> = { 'impersonate-user': user.as }
  if (user['as-uid'] !== '') headers['impersonate-uid'] = user['as-uid']
  if (user['as-groups'].length > 0) headers['impersonate-group'] = [...user['as-groups']]
  for (const [key, values] of Object.entries(user['as-user-extra'])) {
    const name = `impersonate-extra-${escapeKey(key)}`.toLowerCase()
    if (values.length > 0) headers[name] = [headers[name] ?? [], values].flat(2)
  }
  return headers
}

/** Percent-encodes, byte by byte, the characters that the name of a header may not hold, and the percent sign. */
function escapeKey(key: string): string {
  const bytes = [...Buffer.from(key)].map((byte) => {
    const character = String.fromCharCode(byte)
    return /[!#$&'*+\-.0-9A-Z^_`a-z|~]/.test(character) ? character : `%${byte.toString(16).padStart(2, '0')}`
  })
  return bytes.join('')
}

/** Whether the text may be the value of a header: it holds no line feed or other control character. */
export function isHeaderValue(text: string): boolean {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for
  return !/[\u0000-\u0008\u000a-\u001f\u007f]/.test(text)
}
