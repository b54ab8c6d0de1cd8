/** Control characters, bidirectional overrides, zero-width and line separators: what could make text lie. */
const hidden =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what it looks for
  /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb]/g;

/** Text from the network with every hidden character spelled out as `⟨U+202E⟩`. */
export function visibleText(text: string): string {
  return text.replace(hidden, (character) => {
    const code = character.charCodeAt(0).toString(16).toUpperCase().padStart(4, '0');
    return `⟨U+${code}⟩`;
  });
}

/** Cuts to `limit` characters, marked by an ellipsis; never inside a surrogate pair. */
export function shorten(text: string, limit: number): string {
  if (text.length <= limit) return text;
  const end = limit - 1;
  const split = /[\ud800-\udbff]$/.test(text.slice(0, end));
  return `${text.slice(0, split ? end - 1 : end)}…`;
}
