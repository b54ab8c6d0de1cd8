import { defaultWindow, ErrorCode, maxWindow, Setting } from './protocol.ts';

/** What the peer has said of itself (RFC 9113 §6.5.2). */
export class PeerSettings {
  headerTableSize = 4_096;
  maxConcurrentStreams = Number.POSITIVE_INFINITY;
  initialWindowBytes: number = defaultWindow;
  extendedConnect = false;
  /** Why the last payload was refused: one of {@link ErrorCode}, or 0. */
  error: number = ErrorCode.noError;

  /** Takes a SETTINGS payload over, whose length is a multiple of six. Returns false for one that is refused. */
  apply(bytes: Buffer, from: number, to: number, fromServer: boolean): boolean {
    for (let at = from; at < to; at += 6) {
      const id = ((bytes[at] as number) << 8) | (bytes[at + 1] as number);
      const value = bytes.readUInt32BE(at + 2);
      this.error = this.#set(id, value, fromServer);
      if (this.error !== ErrorCode.noError) return false;
    }
    return true;
  }

  #set(id: number, value: number, fromServer: boolean): number {
    switch (id) {
      case Setting.headerTableSize:
        this.headerTableSize = value;
        break;
      case Setting.enablePush:
        if (value > 1 || (fromServer && value === 1)) return ErrorCode.protocolError;
        break;
      case Setting.maxConcurrentStreams:
        this.maxConcurrentStreams = value;
        break;
      case Setting.initialWindowSize:
        if (value > maxWindow) return ErrorCode.flowControlError;
        this.initialWindowBytes = value;
        break;
      case Setting.maxFrameSize:
        // Ours are never larger than the smallest maximum.
        if (value < 16_384 || value > 0xff_ffff) return ErrorCode.protocolError;
        break;
      case Setting.enableConnectProtocol:
        // RFC 8441 §3: once said, it stays.
        if (value > 1 || (value === 0 && this.extendedConnect)) return ErrorCode.protocolError;
        this.extendedConnect = value === 1;
        break;
      default: // advice, or unknown
    }
    return ErrorCode.noError;
  }
}
