import { useState } from 'react';

type Theme = 'system' | 'light' | 'dark';

const next: Readonly<Record<Theme, Theme>> = { system: 'light', light: 'dark', dark: 'system' };
const key = 'heddle-theme';

// Before the first paint, so that nothing flashes.
apply(stored());

/** Cycles through the system's theme, light and dark. The choice is remembered in this browser. */
export function ThemeButton() {
  const [theme, setTheme] = useState(stored);
  const change = () => {
    const chosen = next[theme];
    setTheme(chosen);
    apply(chosen);
    try {
      window.localStorage.setItem(key, chosen);
    } catch {
      // Storage may be forbidden; the choice then lasts as long as the page.
    }
  };
  return (
    <button type="button" className="theme" onClick={change} aria-label={`Theme: ${theme}. Change`}>
      {theme === 'system' ? 'auto' : theme}
    </button>
  );
}

function stored(): Theme {
  try {
    const value = window.localStorage.getItem(key);
    return value === 'light' || value === 'dark' ? value : 'system';
  } catch {
    return 'system';
  }
}

function apply(theme: Theme): void {
  if (theme === 'system') delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
}
