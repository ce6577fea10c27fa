import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig } from 'vite';

// `npm run dev` talks to a bowhead of yours: BOWHEAD_URL=http://127.0.0.1:8080 npm run dev
const server = process.env.BOWHEAD_URL ?? 'http://127.0.0.1:8080';

export default defineConfig({
  plugins: [svelte()],
  build: {
    target: 'es2022',
    assetsInlineLimit: 0, // data: URLs are not in the page's policy
    modulePreload: { polyfill: false },
    cssCodeSplit: false,
    rolldownOptions: { checks: { pluginTimings: false } },
  },
  server: {
    proxy: Object.fromEntries(['/v1', '/ready', '/health'].map((path) => [path, server])),
  },
});
