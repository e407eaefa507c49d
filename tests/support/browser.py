"""Debian's Chromium, driven by Playwright, before a desk."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from devicemgr.cli.demo.simulated_site import SimulatedSite

ROOT = Path(__file__).resolve().parents[2]
CHROMIUM = Path("/usr/bin/chromium")
AXE = ROOT / "node_modules" / "axe-core" / "axe.min.js"
# Nothing of the browser itself may go outside; --no-sandbox since tests may run as root.
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    # As for someone who has clicked before; a test that wants it otherwise says so to the page.
    "--autoplay-policy=no-user-gesture-required",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
]
# Before any script of the page: what the policy refuses, and when each row is painted.
WATCH = """
window.deskReports = [];
window.deskPainted = {};
addEventListener("securitypolicyviolation", (event) => {
  deskReports.push(`${event.violatedDirective} ${event.blockedURI}`);
});
new MutationObserver((changes) => {
  const rows = changes.flatMap((change) => [...change.addedNodes]).filter((node) => node.nodeType === 1)
    .flatMap((node) => (node.matches("[data-seq]") ? [node] : [...node.querySelectorAll("[data-seq]")]));
  if (rows.length === 0) return;
  requestAnimationFrame(() => setTimeout(() => {
    for (const row of rows) window.deskPainted[row.dataset.seq] ??= Date.now();
  }));
}).observe(document, { childList: true, subtree: true });
"""


def built_desk() -> bool:
    """Return whether there is a desk to serve."""
    return (ROOT / "devicemgr" / "web" / "dist" / "index.html").is_file()


@contextmanager
def browser_of(*flags: str) -> Iterator[Any]:
    """Start Chromium."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=str(CHROMIUM), args=[*FLAGS, *flags])
        yield browser
        browser.close()


class Desk:
    """One page in a profile of its own, with all that it requested and reported."""

    def __init__(self, browser: Any, site: SimulatedSite, *, storage: Any = None, **options: Any) -> None:
        self.site = site
        self.context = browser.new_context(
            storage_state=storage, locale=options.pop("locale", "en-US"), reduced_motion="reduce", **options
        )
        self.context.set_default_timeout(45_000)
        self.page = self.context.new_page()
        self.page.add_init_script(WATCH)
        self.requests: list[str] = []
        self.errors: list[str] = []
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.on("console", self._on_console)
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("dialog", self._on_dialog)

    def _on_console(self, message: Any) -> None:
        if "Security Policy" in message.text or "Trusted" in message.text:
            self.errors.append(message.text)

    def _on_dialog(self, dialog: Any) -> None:
        self.errors.append(f"a script opened a dialog: {dialog.message}")
        dialog.dismiss()

    def visit(self, page: str) -> None:
        """Open a page by its address."""
        self.page.goto(f"{self.site.address}#/{page}")

    def sign_in(self, role: str, password: str | None = None) -> None:
        """Sign in by the form as the operator of a role."""
        self.page.locator("input[name=username]").fill(role)
        self.page.locator("input[name=password]").fill(password or self.site.passwords[role])
        self.page.locator("button.main").click()
        if password is None:
            self.page.locator("nav.menu").wait_for()

    def find(self, selector: str, **options: Any) -> Any:
        """Return a locator."""
        return self.page.locator(selector, **options)

    def row(self, seq: int) -> Any:
        """Return the locator of an event's row."""
        return self.find(f'[data-seq="{seq}"]')

    def seqs(self) -> list[int]:
        """Return the events in the list, from the top."""
        found = self.find("[data-seq]").evaluate_all("rows => rows.map(row => Number(row.dataset.seq))")
        return [int(seq) for seq in found]

    def reports(self) -> list[str]:
        """Return what the policy refused, and errors of scripts."""
        return self.errors

    def check_reports(self) -> None:
        """Note what this page's policy has refused; before the page is left."""
        self.errors += self.page.evaluate("window.deskReports ?? []")

    def findings(self) -> list[str]:
        """Return what axe-core finds wrong on the page as it is."""
        self.page.evaluate(AXE.read_text(encoding="utf-8"))
        tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
        found = self.page.evaluate("tags => axe.run({ runOnly: tags })", tags)
        return [
            f"{finding['id']}: {node['html'][:160]} {node.get('failureSummary', '')[:200]}"
            for finding in found["violations"]
            for node in finding["nodes"]
        ]

    def close(self) -> None:
        """End the page; what its policy has refused is noted first."""
        self.check_reports()
        self.context.close()
