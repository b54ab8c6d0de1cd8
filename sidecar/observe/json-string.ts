// Printable ASCII without the quote and the backslash: what most values consist of.
const plain = /^[ !#-[\]-~]*$/;

/**
 * `text` as a JSON string in printable ASCII. Beyond what JSON asks for, DEL, C1 controls and everything above
 * are escaped too, so that bytes of a peer can neither forge a line nor steer a terminal (security.md P-69).
 */
export function jsonString(text: string): string {
  return `"${jsonEscape(text)}"`;
}

/** The same without the quotes. */
export function jsonEscape(text: string): string {
  if (plain.test(text)) return text;
  return JSON.stringify(text)
    .slice(1, -1)
    .replace(/[\x7f-\uffff]/g, escapeUnit);
}

function escapeUnit(unit: string): string {
  return `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`;
}
