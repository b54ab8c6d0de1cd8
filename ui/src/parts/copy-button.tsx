import { useState } from 'react';

/** Puts text on the clipboard and says so. */
export function CopyButton({ text, what }: { text: string; what: string }) {
  const [copied, setCopied] = useState(false);
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text);
      setCopied(true);
      window.setTimeout(() => setCopied(false), 1500);
    } catch {
      // Not allowed here; the text can still be selected.
    }
  };
  return (
    <button type="button" className="copy" onClick={() => void copy()} aria-label={`Copy the ${what}`}>
      {copied ? 'copied' : 'copy'}
    </button>
  );
}
