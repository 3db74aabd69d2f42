export function channelOf(version: string, others: readonly string[]): string
