/** Set by the bundler. It is not defined when the sources run as they are. */
declare const VERSION: string | undefined

export const version: string = typeof VERSION === 'string' ? VERSION : 'dev'
