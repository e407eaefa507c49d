"""The ASGI app: the same one behind the socket and in process."""

from fastapi import APIRouter, FastAPI
from fastapi.responses import PlainTextResponse

from devicemgr import __version__
from devicemgr.api import (
    audit,
    calibration,
    clock,
    credentials,
    devices,
    discoveries,
    events,
    faces,
    holdings,
    metrics,
    migration,
    people,
    portals,
    problems,
    provisioning,
    rights,
    sitefile,
    system,
    tracing,
    upkeep,
)
from devicemgr.api.context import Context
from devicemgr.api.limits import BodyLimit

PREFIX = "/api/v1"


def create_app(context: Context) -> FastAPI:
    """Join the routers on one context."""
    app = FastAPI(
        title="devicemgr", version=__version__, openapi_url=f"{PREFIX}/openapi.json", docs_url=None, redoc_url=None
    )  # fmt: skip
    app.state.context = context
    problems.install(app)
    api = APIRouter(prefix=PREFIX)
    for resource in (
        people, credentials, faces, calibration, migration, rights, devices, discoveries, tracing, provisioning,
        upkeep, holdings, portals, events, audit, sitefile, clock, system,
    ):  # fmt: skip
        api.include_router(resource.router)
    app.include_router(api)
    app.include_router(metrics.router)
    app.add_api_route("/healthz", _healthz, response_class=PlainTextResponse)
    app.add_middleware(BodyLimit)
    return app


def _healthz() -> str:
    return "ok\n"
