// Loads the page's TypeScript modules into the test.
import { createServer } from 'vite';

const vite = await createServer({ configFile: false, root: new URL('..', import.meta.url).pathname, server: { middlewareMode: true, ws: false, watch: null }, appType: 'custom', logLevel: 'error', optimizeDeps: { noDiscovery: true } });

export const load = (path) => vite.ssrLoadModule(path);
export const close = () => vite.close();
