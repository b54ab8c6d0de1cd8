import { styleText } from 'node:util';

type Format = Parameters<typeof styleText>[0];

/** Colours text for one stream: not at all when it is no terminal or NO_COLOR is set, as `util.styleText` decides. */
export type Style = (format: Format, text: string) => string;

export function styleFor(stream: NodeJS.WriteStream): Style {
  return (format, text) => styleText(format, text, { stream });
}
