import { svelte } from "@sveltejs/vite-plugin-svelte";
import { defineConfig } from "vitest/config";

// `SHOPLAKE_API` names the server that answers /api while developing: the mock, or a real `shoplake serve`.
const api = process.env["SHOPLAKE_API"] ?? "http://127.0.0.1:8787";

export default defineConfig({
  plugins: [svelte()],
  build: {
    target: "es2022",
    outDir: "dist",
    emptyOutDir: true,
    sourcemap: false,
    modulePreload: { polyfill: false },
    assetsInlineLimit: 0,
    reportCompressedSize: true,
    chunkSizeWarningLimit: 700,
  },
  server: { proxy: { "/api": api } },
  test: { include: ["src/**/*.test.ts"], environment: "node" },
});
