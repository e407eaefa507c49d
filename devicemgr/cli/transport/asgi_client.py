"""The API in this process, for commands without a daemon."""

import asyncio
import io
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import httpx

from devicemgr.cli.transport.unix_http import HOST, Request, Response

if TYPE_CHECKING:
    from fastapi import FastAPI


class AsgiTransport:
    """Runs the app for each request, as the user of this process."""

    def __init__(self, app: "FastAPI") -> None:
        self._app = app

    @contextmanager
    def send(self, request: Request) -> Iterator[Response]:
        """Give the app's response to `request`."""
        yield asyncio.run(self._run(request))

    async def _run(self, request: Request) -> Response:
        transport = httpx.ASGITransport(
            self._app, client=(f"uid:{os.getuid()}", os.getpid()), raise_app_exceptions=False
        )
        body = request.body if isinstance(request.body, bytes | None) else request.body.read()
        headers = {"Host": HOST} | request.headers
        sent = httpx.Request(request.method, f"http://{HOST}{request.target}", headers=headers, content=body)
        answer = await transport.handle_async_request(sent)
        return Response(answer.status_code, io.BytesIO(await answer.aread()))
