/** `HOST:PORT` as a URL has it: an IPv6 address is in brackets. */
export function authorityOf({ host, port }: { readonly host: string; readonly port: number | string }): string {
  return `${host.includes(':') ? `[${host}]` : host}:${port}`
}
