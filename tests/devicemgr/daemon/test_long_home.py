"""A home whose path is longer than a socket's address holds."""

from pathlib import Path

import pytest
from fastapi import FastAPI

from devicemgr.api.server import ApiServer
from devicemgr.cli.transport.api_client import Api, daemon_answers
from devicemgr.home import Home


def test_a_long_path_is_served_and_reached(tmp_path: Path) -> None:
    home = Home(tmp_path / ("x" * 120))
    home.make()
    app = FastAPI()
    app.add_api_route("/api/v1/version", lambda: {"version": "1"})
    assert not daemon_answers(home)
    server = ApiServer(app, home.socket)
    server.start()
    try:
        api = Api(home, lambda: pytest.fail("no daemon"))
        assert api.remote
        assert api.get("/version") == {"version": "1"}
    finally:
        server.stop()
    assert not home.socket.exists()
    assert not daemon_answers(home)
