import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';

// The console is served under `default-src 'self'`: nothing may be inlined as a data: URL or a script.
export default defineConfig({
  plugins: [react()],
  build: {
    outDir: 'dist',
    emptyOutDir: true,
    target: ['chrome123', 'firefox121', 'safari17.5'],
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
  // For `vite ui` during development: the API of a control plane on this machine.
  server: { proxy: { '/api': 'http://127.0.0.1:15014' } },
});
