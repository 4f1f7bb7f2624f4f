import { defineConfig } from 'vite';

export default defineConfig({
  // Relative: the server serves one page at every depth, and behind a prefix.
  base: './',
  // The files stay during a build, which npm also runs for `npx` and `npm pack`: a service may be starting.
  build: { target: 'es2023', modulePreload: { polyfill: false }, assetsInlineLimit: 0, emptyOutDir: false },
  server: {
    proxy: { '^/(v1|health|simulator)(/|$)': process.env['TIDEMARK_URL'] ?? 'http://127.0.0.1:3000' },
  },
});
