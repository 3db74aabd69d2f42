export const address: string
export const tag: string
export function pageOf(path: string): string
