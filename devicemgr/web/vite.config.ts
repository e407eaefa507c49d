// Builds the desk into dist/: one page at /, its files with their hash in their names at /web/assets/, each also as .gz.
import { readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { defineConfig, type Plugin } from "vite";

// What is hardly smaller is served as it is.
const MIN_BYTES = 256;

function compressed(): Plugin {
  let folder = "";
  return {
    name: "compressed",
    apply: "build",
    configResolved(config) {
      folder = join(config.root, config.build.outDir);
    },
    closeBundle() {
      for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
        const file = join(entry.parentPath, entry.name);
        if (!entry.isFile() || file.endsWith(".gz")) continue;
        const body = readFileSync(file);
        if (body.length >= MIN_BYTES) writeFileSync(`${file}.gz`, gzipSync(body, { level: 9 }));
      }
    },
  };
}

export default defineConfig({
  root: import.meta.dirname,
  base: "/web/",
  cacheDir: join(import.meta.dirname, "../../.venv/desk/vite"),
  build: {
    outDir: "dist",
    emptyOutDir: true,
    // An inlined file would need data: in the policy.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    target: "es2022",
    // The stamp of make: written last.
    manifest: false,
  },
  plugins: [compressed()],
  test: {
    include: ["tests/**/*.test.ts"],
    fsModuleCachePath: join(import.meta.dirname, "../../.venv/desk/vitest"),
  },
} as Parameters<typeof defineConfig>[0]);
