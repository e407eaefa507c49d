"""Text of strangers is shown as text: nothing of it runs, is loaded or moves the page."""

from collections.abc import Callable
from typing import Any

from tests.support.browser import Desk

MARK = "window.pwned=1"
CORPUS = (
    f"<script>{MARK}</script>",
    f"<img src=x onerror={MARK}>",
    f"<svg onload={MARK}>",
    f"<svg><script>{MARK}</script></svg>",
    f"\"><img src=x onerror='{MARK}'>",
    f"'><svg/onload={MARK}>",
    f"</li><script>{MARK}</script>",
    f"</title><script>{MARK}</script>",
    f"</textarea><script>{MARK}</script>",
    f"<!--><img src=x onerror={MARK}>-->",
    f"<details open ontoggle={MARK}>",
    f"<body onload={MARK}>",
    "<iframe srcdoc='<script>parent.pwned=1</script>'>",
    f"<iframe src=javascript:{MARK}>",
    f"<a href=javascript:{MARK} autofocus onfocus={MARK}>x</a>",
    f"<input autofocus onfocus={MARK}>",
    f"<math><mtext></mtext><mglyph><svg onload={MARK}>",
    "<style>@import 'http://evil.example/';</style>",
    "<link rel=stylesheet href=http://evil.example/x.css>",
    "<meta http-equiv=refresh content='0;url=http://evil.example/'>",
    "<base href=http://evil.example/>",
    "<object data=http://evil.example/></object>",
    f"<video><source onerror={MARK}></video>",
    f"<marquee onstart={MARK}>",
    f"<template><script>{MARK}</script></template>",
    f"${{{MARK}}}",
    f"{{{{constructor.constructor('{MARK}')()}}}}",
    f"#{{{MARK}}}",
    f"`${{{MARK}}}`",
    f"<x-lit>${{html`<script>{MARK}</script>`}}</x-lit>",
    "?lit$123456789$",
    "<!--?lit$123456789$-->",
    f"javascript:{MARK}",
    f"data:text/html,<script>{MARK}</script>",
    "%3Cscript%3Ewindow.pwned=1%3C/script%3E",
    "&lt;script&gt;window.pwned=1&lt;/script&gt;",
    f"\\x3cscript\\x3e{MARK}",
    f"\\u003cscript\\u003e{MARK}",
    f"';{MARK}//",
    f'";{MARK}//',
    '=HYPERLINK("http://evil.example")',
    "{count}{name}{time}",
    "__proto__",
    "constructor",
    "A" * 190,
)


def test_no_name_of_a_person_runs_or_loads_anything(open_desk: Callable[..., Desk], site: Any) -> None:
    before = site.head()
    for number, text in enumerate(CORPUS):
        site.api.post("/people", {"name": text, "badge": f"X{number}", "levels": ["staff"]})
    site.api.post("/people/X0/cards", {"number": "0F00FBD6AA"})
    seqs = [e["seq"] for e in site.api.get("/events", after=before, kind="admin.person_added", limit=200)]
    assert len(seqs) == len(CORPUS)
    desk = open_desk("admin")
    desk.row(seqs[-1]).wait_for()
    site.show("lobby", "0F00FBD6AA")
    shown = desk.find('[data-portal="lobby"] .who', has_text=CORPUS[0])
    shown.wait_for()
    for seq, text in zip(seqs, CORPUS, strict=True):
        assert desk.row(seq).locator(".who").text_content() == text
    desk.find("[data-search]").fill(CORPUS[1])
    desk.row(seqs[1]).wait_for()
    assert desk.page.evaluate("window.pwned") is None
    assert desk.find("desk-app script, desk-app iframe, desk-app img, desk-app object, desk-app style").count() == 0


def test_no_address_runs_anything(open_desk: Callable[..., Desk]) -> None:
    desk = open_desk("guard")
    for text in (f"<img src=x onerror={MARK}>", "%E0%A4%A", "javascript:alert(1)", "/" * 2000, "__proto__"):
        desk.page.evaluate("hash => { location.hash = hash; }", text)
        desk.find(".page.live").wait_for()
    assert desk.page.evaluate("window.pwned") is None
