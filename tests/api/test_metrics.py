"""/metrics in the text format of Prometheus."""

from typing import Any


def test_figures_of_the_site(client: Any) -> None:
    answer = client.get("/../../metrics")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain")
    lines = answer.text.splitlines()
    assert "devicemgr_gallery_people 0.0" in lines
    assert any(line.startswith("devicemgr_ledger_seq ") for line in lines)
