export function generated(): ReadonlyMap<string, string>
export function present(): readonly string[]
