"""What dashboard and rules ask for is in /metrics of a running daemon; promtool and Prometheus read both."""

import json
import re
import shutil
import socket
import subprocess
import textwrap
from collections import Counter
from pathlib import Path
from typing import Any

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.packaging.monitoring.conftest import PORTALS, Monitored
from tests.support.peers import peer
from tests.support.webhook_receiver import wait_until

ROOT = Path(__file__).parents[3]
RULES = ROOT / "packaging/prometheus/alerts.yml"
DASHBOARD = ROOT / "packaging/grafana/devicemgr.json"
PAGE = ROOT / "docs/integrations/monitoring.md"
# What the scrape itself adds.
OF_THE_SCRAPE = {"site", "job", "instance"}
MAX_SERIES_PER_PORTAL = 50

_NAME = re.compile(r"\b(?:devicemgr_[a-z_]+|up)\b")
_MATCHED = re.compile(r"\b([a-z_]+)\{([^}]*)\}")
_LABEL = re.compile(r"([a-z_]+)\s*(?:=~|!~|!=|=)")
_GROUPED = re.compile(r"\b(?:by|on) \(([^)]*)\)")


def sampled(text: str) -> dict[str, set[str]]:
    """Return the labels of each series' name."""
    found: dict[str, set[str]] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            found.setdefault(sample.name, set()).update(sample.labels)
    return found


def expressions() -> list[str]:
    """Return all that dashboard and rules ask Prometheus for."""
    rules = re.findall(r"^ +expr: (.+)$", RULES.read_text(), re.MULTILINE)
    dashboard = json.loads(DASHBOARD.read_text())
    asked = [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]
    return rules + asked


def test_each_name_and_label_that_is_asked_for_is_there(monitored: Monitored) -> None:
    known = sampled(monitored.metrics()) | {"up": set()}
    assert len(expressions()) > 35
    for expression in expressions():
        names = _NAME.findall(expression)
        assert names, expression
        assert set(names) <= known.keys(), expression
        for name, matchers in _MATCHED.findall(expression):
            assert set(_LABEL.findall(matchers)) <= known[name] | OF_THE_SCRAPE, expression
        allowed = set().union(*(known[name] for name in names)) | OF_THE_SCRAPE
        for group in _GROUPED.findall(expression):
            assert set(re.split(r", *", group)) <= allowed, expression


def test_what_words_name_is_a_label_of_what_they_are_about(monitored: Monitored) -> None:
    known = sampled(monitored.metrics()) | {"up": set()}
    rules = re.findall(r"expr: (.+?)\n.+?description: (.+?)\n", RULES.read_text(), re.DOTALL)
    assert len(rules) == RULES.read_text().count("- alert:")
    for expression, words in rules:
        used = set(re.findall(r"\$labels\.([a-z]+)", words))
        assert used <= set().union(*(known[name] for name in _NAME.findall(expression))) | OF_THE_SCRAPE
    for panel in json.loads(DASHBOARD.read_text())["panels"]:
        for target in panel["targets"]:
            used = set(re.findall(r"\{\{(\w+)\}\}", target["legendFormat"]))
            assert used <= set().union(*(known[name] for name in _NAME.findall(target["expr"]))) | OF_THE_SCRAPE


def test_the_dashboard_is_whole() -> None:
    found = json.loads(DASHBOARD.read_text())
    assert found["uid"] == "devicemgr-sites"
    variables = {one["name"]: one for one in found["templating"]["list"]}
    assert variables.keys() == {"datasource", "site", "portal"}
    ids = Counter(panel["id"] for panel in found["panels"])
    assert max(ids.values()) == 1
    places: Counter[tuple[int, int]] = Counter()
    for panel in found["panels"]:
        at = panel["gridPos"]
        assert at["x"] + at["w"] <= 24
        places.update((x, at["y"]) for x in range(at["x"], at["x"] + at["w"]))
    assert max(places.values()) == 1, "no panel covers another"


def test_no_person_is_in_a_label_and_a_portal_has_few_series(monitored: Monitored) -> None:
    text = monitored.metrics()
    labels = set().union(*sampled(text).values())
    assert labels.isdisjoint({"person", "badge", "name_of_person", "actor", "operator", "card"})
    by_portal: Counter[str] = Counter()
    for family in text_string_to_metric_families(text):
        by_portal.update(sample.labels["portal"] for sample in family.samples if "portal" in sample.labels)
    assert by_portal.keys() == set(PORTALS)
    assert max(by_portal.values()) <= MAX_SERIES_PER_PORTAL
    series = sum(len(family.samples) for family in text_string_to_metric_families(text))
    before, added = series, "another"
    monitored.cli("portal", "add", added, "--gate", "spare")
    wait_until(lambda: f'portal="{added}"' in monitored.metrics(), "the figures of another portal")
    families = list(text_string_to_metric_families(monitored.metrics()))
    kinds_of_events = 20  # what adding it has recorded
    assert sum(len(family.samples) for family in families) - before <= MAX_SERIES_PER_PORTAL + kinds_of_events
    monitored.cli("portal", "remove", added, "--yes")


def test_figures_tell_what_is_so(monitored: Monitored) -> None:
    text = monitored.metrics()
    lines = text.splitlines()
    assert 'devicemgr_portal_gate_online{portal="lobby"} 1.0' in lines
    assert 'devicemgr_portal_gate_online{portal="yard"} 0.0' in lines
    assert 'devicemgr_portal_effective_mode{mode="normal",portal="lobby"} 1.0' in lines
    assert 'devicemgr_zone_people{zone="building"} 0.0' in lines
    assert 'devicemgr_zone_max_people{zone="building"} 40.0' in lines
    assert 'devicemgr_outlet_state{kind="syslog",outlet="siem",state="failing"} 1.0' in lines
    assert 'devicemgr_sync_interval_seconds{kind="source",name="hr"} 3600.0' in lines
    assert 'devicemgr_sync_age_seconds{kind="source",name="hr"} +Inf' in lines
    assert "devicemgr_backup_age_seconds +Inf" in lines
    values = {
        line.partition("}")[0]: float(line.rpartition(" ")[2]) for line in lines if line.startswith("devicemgr_outlet_")
    }
    assert values['devicemgr_outlet_failures_total{kind="syslog",outlet="siem"'] >= 1
    assert values['devicemgr_outlet_lag_events{kind="syslog",outlet="siem"'] >= 1
    assert values['devicemgr_outlet_lag_seconds{kind="syslog",outlet="siem"'] > 0


def test_status_shows_the_outlets(monitored: Monitored) -> None:
    found = monitored.api().get("/status")["outlets"]
    (one,) = found
    assert (one["name"], one["kind"], one["state"]) == ("siem", "syslog", "failing")
    assert "is not reached" in one["cause"]
    assert one["lag_events"] >= 1
    assert one["lag_s"] > 0


def test_without_a_token_nothing_is_told(monitored: Monitored) -> None:
    assert monitored.metrics(Authorization="Bearer wrong") == ""
    assert monitored.get({}).status_code == 401


@pytest.fixture(scope="session")
def promtool() -> str:
    return peer("promtool", "prometheus")


def test_promtool_takes_the_rules(promtool: str) -> None:
    checked = subprocess.run([promtool, "check", "rules", RULES], capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_alerts_fire_when_they_should_and_not_otherwise(promtool: str, tmp_path: Path) -> None:
    tests = Path(__file__).with_name("alerts_test.yml")
    for file in (RULES, tests):
        shutil.copy(file, tmp_path)
    checked = subprocess.run(
        [promtool, "test", "rules", tests.name], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr
    tried = set(re.findall(r"alertname: (\w+)", tests.read_text()))
    assert len(tried) >= 7
    assert tried <= set(re.findall(r"- alert: (\w+)", RULES.read_text()))


def test_prometheus_scrapes_over_tls_by_the_documented_configuration(monitored: Monitored, tmp_path: Path) -> None:
    lines = PAGE.read_text().split("\n")
    start = lines.index("    rule_files: [/etc/prometheus/devicemgr/alerts.yml]")
    text = textwrap.dedent("\n".join(lines[start : lines.index("", start)]))
    token = tmp_path / "token"
    token.write_text(monitored.token)
    for documented, here in (
        ("/etc/prometheus/devicemgr/alerts.yml", RULES),
        ("/etc/prometheus/devicemgr/almaty-1.token", token),
        ("/etc/prometheus/devicemgr/almaty-1.pem", monitored.certificate),
        ("almaty-1.example:8443", f"localhost:{monitored.port}"),
        ("scrape_interval: 30s", "scrape_interval: 1s"),
    ):
        assert documented in text
        text = text.replace(documented, str(here))
    config = tmp_path / "prometheus.yml"
    config.write_text(text)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [peer("prometheus", "prometheus"), f"--config.file={config}", f"--storage.tsdb.path={tmp_path / 'data'}"]
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen(
            [*command, f"--web.listen-address=127.0.0.1:{port}"], stdout=log, stderr=log, cwd=tmp_path
        )
    try:

        def asked(query: str) -> list[Any]:
            try:
                answer = httpx.get(f"http://127.0.0.1:{port}/api/v1/query", params={"query": query}).json()
            except (httpx.TransportError, ValueError):
                return []
            return [one["value"][1] for one in answer.get("data", {}).get("result", [])]

        wait_until(lambda: asked('up{job="devicemgr",site="almaty-1"}') == ["1"], (tmp_path / "log").read_text())
        assert asked('devicemgr_portal_gate_online{site="almaty-1",portal="yard"}') == ["0"]
    finally:
        process.kill()
        process.wait()
