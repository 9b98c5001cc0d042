import { svelte } from "@sveltejs/vite-plugin-svelte";
import { defineConfig, type Plugin } from "vite";

// KaTeX brings each font three times; every browser that runs this page reads the first form.
const oneFontEach: Plugin = {
  name: "one-font-each",
  enforce: "pre",
  transform: (code, id) => (id.endsWith("katex.min.css") ? code.replace(/,url\([^)]*\.(woff|ttf)\) format\("\w+"\)/g, "") : null),
};

// Relative addresses, no inline scripts and no inlined pictures: the server's policy allows files of its own only.
export default defineConfig({
  base: "./",
  plugins: [oneFontEach, svelte()],
  build: { outDir: "../static", emptyOutDir: true, assetsInlineLimit: 0, modulePreload: { polyfill: false } },
  server: { proxy: { "/api": "http://127.0.0.1:8765" } },
});
