/** Comma-separated values as in RFC 4180. */

/**
 * Spreadsheets run cells that begin like a formula. A quote in front makes them text; the value
 * came from a donor and is read by an officer.
 */
function defuse(cell: string): string {
  return /^[=+\-@\t\r]/.test(cell) ? `'${cell}` : cell;
}

export function csvLine(cells: readonly string[]): string {
  const quoted = cells.map((cell) => {
    const safe = defuse(cell);
    return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
  });
  return `${quoted.join(",")}\r\n`;
}
