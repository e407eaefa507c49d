import tseslint from "typescript-eslint";

export default tseslint.config(
  { ignores: ["dist/**", "src/api/schema.d.ts"] },
  ...tseslint.configs.strictTypeChecked,
  {
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      eqeqeq: "error",
      "no-restricted-globals": ["error", { name: "EventSource", message: "The stream is read in api/client.ts." }],
      "@typescript-eslint/restrict-template-expressions": ["error", { allowNumber: true }],
      "@typescript-eslint/no-confusing-void-expression": ["error", { ignoreArrowShorthand: true }],
      "@typescript-eslint/unbound-method": "off", // Lit calls listeners on their element
      "@typescript-eslint/no-misused-promises": ["error", { checksVoidReturn: false }],
    },
  },
  {
    files: ["src/**/*.ts"],
    rules: {
      // One file talks to the daemon; no text becomes markup.
      "no-restricted-syntax": [
        "error",
        { selector: "CallExpression[callee.name='fetch']", message: "Call the API by api/client.ts." },
        { selector: "MemberExpression[property.name=/^(innerHTML|outerHTML|insertAdjacentHTML)$/]", message: "Render by Lit." },
        { selector: "ImportDeclaration[source.value=/unsafe-html|unsafe-svg/]", message: "Nothing unsafe is rendered." },
      ],
    },
  },
  { files: ["src/api/client.ts"], rules: { "no-restricted-syntax": "off" } },
  { files: ["*.js", "vite.config.ts"], ...tseslint.configs.disableTypeChecked },
);
