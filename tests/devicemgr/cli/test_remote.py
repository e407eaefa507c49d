"""Commands to the daemon of another computer: over TLS, with an API token, and with nothing of this computer's."""

import os
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from devicemgr.api.app import create_app
from devicemgr.api.context import Context
from devicemgr.api.listeners import read
from devicemgr.api.server import ApiServer
from devicemgr.daemon.offline_runtime import DirectRuntime
from devicemgr.site.site import Site
from tests.support.certificates import self_signed


@pytest.fixture
def box(site: Site, tmp_path: Path) -> Iterator[ApiServer]:
    """Another computer's daemon on TLS; cert.pem in the test's folder is its CA."""
    listen = read("127.0.0.1:0", *self_signed(tmp_path, ["localhost"]), [])
    running = ApiServer(create_app(Context(site, DirectRuntime(site), os.getuid())), site.home.socket, listen)
    running.start()
    yield running
    running.stop()


@pytest.fixture
def token_file(box: ApiServer, done: Callable[..., Any], tmp_path: Path) -> Path:
    done("operator", "add", "hr", "--role", "admin")
    made = done("operator", "token", "hr", "--scope", "admin")["token"]
    file = tmp_path / "token"
    file.write_text(f"{made}\n")
    file.chmod(0o600)
    return file


@pytest.fixture
def away(box: ApiServer, token_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The options that lead to that daemon; no home is here."""
    monkeypatch.setenv("DEVICEMGR_HOME", str(tmp_path / "no-home"))
    return [
        "--host",
        f"https://localhost:{box.port}",
        "--token-file",
        str(token_file),
        "--tls-ca",
        f"{tmp_path}/cert.pem",
    ]


def test_a_person_is_added_and_listed_from_another_computer(
    cli: Callable[..., Any], away: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SUDO_UID", "1000")  # a claim about this computer's users, which that one must not record
    added = cli("person", "add", "Dana", "--badge", "7", *away, "--json")
    assert added.code == 0, added.err
    assert [person["badge"] for person in cli(*away, "person", "list", "--json").json] == ["7"]
    recorded = cli("events", "--kind", "admin.person_added", *away, "--json").json
    assert recorded["actor"] == "token:hr"
    assert "sudo_uid" not in recorded["detail"]
    assert not (tmp_path / "no-home").exists()


def test_a_certificate_that_is_not_trusted_gets_no_token(cli: Callable[..., Any], away: list[str]) -> None:
    ran = cli("person", "list", *away[:-2])
    assert ran.code == 3
    assert "--tls-ca" in ran.error


@pytest.mark.parametrize("line", ["run", "init", "recover", "udev rules", "key rotate --yes", "backup x --keys y"])
def test_a_command_of_the_computer_itself_is_not_sent(cli: Callable[..., Any], away: list[str], line: str) -> None:
    ran = cli(*line.split(), *away)
    assert ran.code == 1
    assert "leave --host out" in ran.error


def test_no_daemon_there_is_not_reached(cli: Callable[..., Any], away: list[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    ran = cli("status", "--host", f"https://localhost:{port}", *away[2:])
    assert ran.code == 3
    assert f"no connection to https://localhost:{port}" in ran.error


@pytest.mark.parametrize(
    ("host", "words"),
    [
        ("http://gates.example.org", "https://"),
        ("ftp://gates.example.org", "https://gates"),
        ("https://user:word@gates.example.org", "https://gates"),
        ("https://gates.example.org/api", "https://gates"),
        ("https://gates.example.org:port", "--host"),
        ("https://", "https://gates"),
    ],
)
def test_an_address_that_is_none_is_refused_before_the_token_is_read(
    cli: Callable[..., Any], host: str, words: str
) -> None:
    ran = cli("status", "--host", host, "--token-file", "/nowhere")
    assert ran.code == 1
    assert words in ran.error


def test_a_token_that_others_can_read_is_not_used(cli: Callable[..., Any], away: list[str], token_file: Path) -> None:
    token_file.chmod(0o644)
    assert "chmod 600" in cli("status", *away).error
    token_file.chmod(0o600)
    token_file.write_text("two words\n")
    assert "holds no API token" in cli("status", *away).error
    assert "--token-file" in cli("status", *away[:2]).error


def test_the_token_does_not_follow_a_redirect(cli: Callable[..., Any], token_file: Path) -> None:
    """On loopback plain http is allowed, so that a tunnel can be used."""
    requests: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def answer() -> None:
            line, _ = listener.accept()
            with line:
                requests.append(line.recv(4000))
                line.sendall(b"HTTP/1.1 307 X\r\nLocation: http://127.0.0.1:9/\r\nContent-Length: 0\r\n\r\n")

        thread = threading.Thread(target=answer, daemon=True)
        thread.start()
        ran = cli("events", "--host", f"http://127.0.0.1:{listener.getsockname()[1]}", "--token-file", token_file)
        thread.join(10)
    assert b"Authorization: Bearer " in requests[0]
    assert ran.code == 1
    assert "307" in ran.error
