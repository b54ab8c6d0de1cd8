import { expect, test } from 'vitest';
import { shorten, visibleText } from './visible-text.ts';

test('UI-01: characters that turn or hide text are spelled out, everything else stays', () => {
  expect(visibleText('invoice\u202Efdp.exe')).toBe('invoice⟨U+202E⟩fdp.exe');
  expect(visibleText('a\u0000b\u200bc\u2066d')).toBe('a⟨U+0000⟩b⟨U+200B⟩c⟨U+2066⟩d');
  expect(visibleText('<img src=x onerror=alert(1)>')).toBe('<img src=x onerror=alert(1)>');
  expect(visibleText('Grüße 日本 🧵')).toBe('Grüße 日本 🧵');
});

test('UI-11: ANSI escapes are shown, not obeyed', () => {
  expect(visibleText('\u001b[31mred\u001b[0m\r\n')).toBe('⟨U+001B⟩[31mred⟨U+001B⟩[0m⟨U+000D⟩⟨U+000A⟩');
});

test('long text is cut with an ellipsis, never through a character', () => {
  expect(shorten('x'.repeat(10_240), 80)).toBe(`${'x'.repeat(79)}…`);
  expect(shorten('ab🧵cd', 4)).toBe('ab…');
  expect(shorten('short', 80)).toBe('short');
});
