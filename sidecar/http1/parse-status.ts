/** What came of an attempt to parse a head. */
export const ParseStatus = {
  ok: 0,
  /** More bytes are needed. */
  incomplete: 1,
  /** `reason` and `detail` of the parser say why. */
  refused: 2,
} as const;
