"""The socket: who calls is what the kernel says."""

import json
import os
import socket
import stat
import subprocess
import sys

import pytest

from devicemgr.api.server import bind
from devicemgr.errors import SystemFault

CLIENT = """
import os, socket, sys
uid = int(sys.argv[2])
if uid:
    os.setgroups([]); os.setgid(uid); os.setuid(uid)
line = socket.socket(socket.AF_UNIX); line.connect(sys.argv[1])
line.sendall(b"GET /api/v1/people HTTP/1.1\\r\\nHost: x\\r\\nX-Forwarded-For: uid:0\\r\\nForwarded: for=uid:0\\r\\n"
             b"Connection: close\\r\\n\\r\\n")
answer = b""
while part := line.recv(4096): answer += part
sys.stdout.write(answer.decode())
"""


def ask(path, uid):
    command = [sys.executable, "-c", CLIENT, str(path), str(uid)]
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=30).stdout


def test_our_own_user_comes_in_by_the_socket(client, home):
    assert stat.S_IMODE(os.lstat(home.socket).st_mode) == 0o660
    assert client.post("/people", json={"name": "A", "badge": "1"}).status_code == 201
    actor = client.get("/events").json()[-1]["actor"]
    assert actor == f"uid:{os.getuid()}"


@pytest.mark.skipif(os.getuid() != 0, reason="only root can call as another user")
def test_another_user_is_refused_whatever_the_headers_say(server, home, site):
    # Let the other user reach the socket at all, as a wrong mode of the home would.
    for folder in (home.path, *home.path.parents):
        if folder.stat().st_mode & 0o001 == 0:
            folder.chmod(stat.S_IMODE(folder.stat().st_mode) | 0o001)
    home.socket.chmod(0o666)
    assert "200 OK" in ask(home.socket, 0)
    refused = ask(home.socket, 65534)
    assert "403" in refused.splitlines()[0]
    assert json.loads(refused.splitlines()[-1])["detail"].startswith("user 65534 may not do this")


def test_a_socket_left_by_a_crash_gives_way_and_anything_else_stays(tmp_path):
    path = tmp_path / "s"
    bind(path).close()
    again = bind(path)
    again.close()
    path.unlink()
    path.write_text("mine")
    with pytest.raises(SystemFault, match="in the way"):
        bind(path)
    assert path.read_text() == "mine"
    with pytest.raises(SystemFault, match="shorter path"):
        bind(tmp_path / ("x" * 120))


def test_stopping_takes_the_socket_away(server, home):
    server.stop()
    assert not home.socket.exists()
    with socket.socket(socket.AF_UNIX) as line, pytest.raises(FileNotFoundError):
        line.connect(str(home.socket))
