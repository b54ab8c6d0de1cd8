export interface TokenBucketConfig {
  /** Tokens at the start, and never more. At least 1. */
  readonly maxTokens: number;
  /** How fast it fills, without steps. Above 0. */
  readonly tokensPerMs: number;
}

/**
 * Each request takes a token. Time is monotonic milliseconds: a clock that is set changes nothing, and one that stood
 * still or went back gives no token.
 */
export class TokenBucket {
  readonly config: TokenBucketConfig;
  #tokens: number;
  #at: number;

  constructor(config: TokenBucketConfig, now: number) {
    this.config = config;
    this.#tokens = config.maxTokens;
    this.#at = now;
  }

  /** What is there now; fractions included. */
  tokens(now: number): number {
    if (now > this.#at) {
      const { maxTokens, tokensPerMs } = this.config;
      this.#tokens = Math.min(maxTokens, this.#tokens + (now - this.#at) * tokensPerMs);
      this.#at = now;
    }
    return this.#tokens;
  }

  /** Only after {@link tokens} told of at least one. */
  take(): void {
    this.#tokens--;
  }

  /** Milliseconds until there is a whole token; 0 when there is. */
  untilToken(now: number): number {
    // A billionth less than a token is one: sums of fractions are not exact.
    return Math.max(0, (1 - 1e-9 - this.tokens(now)) / this.config.tokensPerMs);
  }

  /** Milliseconds until it is full. */
  untilFull(now: number): number {
    return (this.config.maxTokens - this.tokens(now)) / this.config.tokensPerMs;
  }
}
