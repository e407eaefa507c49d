"""The ASGI app: the same one behind the socket and in process."""

from typing import Any

from fastapi import APIRouter, Depends, FastAPI
from fastapi.responses import PlainTextResponse

from devicemgr import __version__
from devicemgr.api import (
    approvals,
    audit,
    calibration,
    clock,
    credentials,
    devices,
    discoveries,
    events,
    faces,
    firmware,
    holdings,
    inventory,
    keys,
    metrics,
    migration,
    operators,
    people,
    portals,
    problems,
    profiles,
    provisioning,
    records,
    rights,
    session,
    sitefile,
    system,
    tracing,
    upkeep,
)
from devicemgr.api.context import Context
from devicemgr.api.entry import Entry
from devicemgr.api.limits import BodyLimit
from devicemgr.api.roles import PREFIX, authorise
from devicemgr.signin import SignIns


def create_app(context: Context) -> FastAPI:
    """Join the routers on one context."""
    app = FastAPI(
        title="devicemgr", version=__version__, openapi_url=None, docs_url=None, redoc_url=None,
        dependencies=[Depends(authorise)],
    )  # fmt: skip
    app.state.context = context
    app.state.firmware = firmware.Desk()
    app.state.signins = SignIns(context.site)
    problems.install(app)
    api = APIRouter(prefix=PREFIX)
    for resource in (
        people, credentials, faces, calibration, migration, rights, devices, discoveries, tracing, provisioning,
        firmware, inventory, records, upkeep,
        profiles, holdings, portals, events, audit, keys, sitefile, clock, system,
        session, operators, approvals,
    ):  # fmt: skip
        api.include_router(resource.router)
    api.add_api_route("/openapi.json", app.openapi, include_in_schema=False, response_model=dict[str, Any])
    app.include_router(api)
    app.include_router(metrics.router)
    app.add_api_route("/healthz", _healthz, response_class=PlainTextResponse)
    app.add_middleware(BodyLimit)
    app.add_middleware(
        Entry, context=context, signins=app.state.signins
    )  # the last one added is the first to see a request
    return app


def _healthz() -> str:
    return "ok\n"
