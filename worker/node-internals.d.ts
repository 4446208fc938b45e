// `Buffer` methods that Node and Bun have but their types leave out. They skip the argument checks
// of `toString` and `write`, which cost as much as the work itself for strings as short as a
// header.
declare global {
  interface Buffer {
    latin1Slice(start: number, end: number): string
    utf8Slice(start: number, end: number): string
    utf8Write(text: string, offset: number, length: number): number
    latin1Write(text: string, offset: number, length: number): number
  }
}
export {}
