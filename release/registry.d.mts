export interface Published {
  readonly digest: string
  readonly manifest: unknown
}
export function published(
  name: string,
  reference: string,
  options?: { readonly isPlain?: boolean; readonly seconds?: number },
): Promise<Published | undefined>
