/** Where notifications are sent. */

/** The URL itself, or a file that holds it. `flag`: how the user has named the file. */
export type NotifySource = { readonly url: URL } | { readonly file: string; readonly flag: string }

/** `undefined` for anything but one http:// or https:// URL. Space around it is left out: editors add line feeds. */
export function parseNotifyUrl(text: string): URL | undefined {
  const trimmed = text.trim()
  if (!/^https?:\/\/[^\s/]/i.test(trimmed) || /\s/.test(trimmed)) return undefined
  return URL.canParse(trimmed) ? new URL(trimmed) : undefined
}
