"""The socket: who calls is what the kernel says."""

import json
import os
import pwd
import socket
import stat
import subprocess
import sys

import pytest

from devicemgr.api.server import ApiServer, bind
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


def test_a_link_in_place_of_the_socket_is_left_alone_and_not_followed(tmp_path):
    target = tmp_path / "theirs"
    target.mkdir()
    path = tmp_path / "s"
    for there in (target / "s", target, tmp_path / "nowhere"):
        path.symlink_to(there)
        with pytest.raises(SystemFault, match="in the way"):
            bind(path)
        assert path.is_symlink()
        path.unlink()
    bind(target / "s").close()
    path.symlink_to(target / "s")  # even to a socket of ours
    with pytest.raises(SystemFault, match="in the way"):
        bind(path)
    assert sorted(file.name for file in tmp_path.iterdir()) == ["s", "theirs"]


def test_a_folder_that_others_can_write_into_or_own_holds_no_socket(tmp_path):
    folder = tmp_path / "open"
    folder.mkdir()
    for mode in (0o777, 0o770, 0o702):
        folder.chmod(mode)
        with pytest.raises(SystemFault, match="others may write"):
            bind(folder / "s")
    folder.chmod(0o700)
    if os.getuid() == 0:
        os.chown(folder, 65534, 65534)
        with pytest.raises(SystemFault, match="another user"):
            bind(folder / "s")


def test_the_socket_is_closed_to_others_from_its_first_moment(tmp_path, monkeypatch):
    """It gets its name only when its mode is right, whatever the umask."""
    seen = []
    real = os.rename

    def rename(source, target, **more):
        folder = more["src_dir_fd"]
        seen.append(stat.S_IMODE(os.stat(source, dir_fd=folder).st_mode))
        seen.append(stat.S_IMODE(os.stat(os.path.dirname(source), dir_fd=folder).st_mode))
        real(source, target, **more)

    monkeypatch.setattr(os, "rename", rename)
    before = os.umask(0)
    try:
        bind(tmp_path / "s").close()
    finally:
        os.umask(before)
    assert seen == [0o660, 0o700]


def test_a_socket_that_another_daemon_put_there_stays(app, home):
    ours = ApiServer(app, home.socket)
    theirs = bind(home.socket)
    ours.stop()
    assert home.socket.exists()
    theirs.close()


@pytest.mark.skipif(os.getuid() != 0, reason="only root can call as another user")
def test_a_user_of_the_box_comes_in_as_their_operator(app, home, site, http, tmp_path):
    """Over the operators' socket, without a look into the home."""
    user = pwd.getpwnam("nobody")
    shared = tmp_path / "run" / "operators.sock"
    shared.parent.mkdir()
    for folder in shared.parents:
        if folder.stat().st_mode & 0o001 == 0:
            folder.chmod(stat.S_IMODE(folder.stat().st_mode) | 0o001)
    home.path.chmod(0o700)
    running = ApiServer(app, home.socket, shared=shared)
    running.start()
    try:
        os.chown(shared, 0, user.pw_gid)  # as packaging's group does
        assert "403" in ask(shared, user.pw_uid).splitlines()[0]
        made = http.post("/operators", json={"name": "tech", "roles": ["technician"], "os_user": "nobody"})
        assert made.status_code == 201, made.text
        refused = ask(shared, user.pw_uid)
        assert "operator:tech may not do this; it is for: admin" in refused
        assert http.delete("/operators/tech").status_code == 200
        assert http.post("/operators", json={"name": "boss", "roles": ["admin"], "os_user": "nobody"}).is_success
        assert "200 OK" in ask(shared, user.pw_uid).splitlines()[0]
        with pytest.raises(subprocess.CalledProcessError):
            ask(home.socket, user.pw_uid)
    finally:
        running.stop()
    assert not shared.exists()
