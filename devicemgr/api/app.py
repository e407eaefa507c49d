"""The ASGI app: the same one behind the socket and in process."""

from functools import cache, partial
from typing import Any

from fastapi import APIRouter, Depends, FastAPI, Request
from fastapi.responses import PlainTextResponse
from fastapi.routing import APIRoute
from starlette.routing import BaseRoute

from devicemgr import __version__
from devicemgr.api import problems
from devicemgr.api.authentication import Entry
from devicemgr.api.authorization import PREFIX, authorize
from devicemgr.api.body_limit import BodyLimit
from devicemgr.api.context import Context
from devicemgr.api.conventions import queries
from devicemgr.api.conventions.document import complete
from devicemgr.api.conventions.idempotency import Idempotency
from devicemgr.api.conventions.operations import operation_id
from devicemgr.api.desk.files import Desk
from devicemgr.api.routes.areas import access, alarms, musters, plans, reports, threats, whereabouts, zones
from devicemgr.api.routes.devices import (
    devices,
    discovery,
    firmware,
    inventory,
    maintenance,
    pairing,
    provisioning as profiles,
    recording,
    sync,
    trace,
)
from devicemgr.api.routes.imports import imports
from devicemgr.api.routes.outlets import outlets
from devicemgr.api.routes.people import (
    calibration,
    credentials,
    departments,
    faces,
    group_changes,
    model_migration,
    people,
    sources,
    tables,
)
from devicemgr.api.routes.people.lists import roster
from devicemgr.api.routes.site import (
    access_levels,
    approvals,
    calendars,
    clock,
    events,
    operators,
    portals,
    session,
    site_file,
)
from devicemgr.api.routes.system import audit, bundles, jobs, keys, metrics, sessions, system
from devicemgr.api.routes.visitors import visitors
from devicemgr.api.stream.broadcast import Broadcast
from devicemgr.ledger.refusals import RefusedCalls
from devicemgr.operations.jobs import Jobs
from devicemgr.people.imports.jobs import ImportJobs
from devicemgr.people.lists.editions import Editions
from devicemgr.security.sessions import SignIns


class _App(FastAPI):
    def openapi(self) -> dict[str, Any]:
        """Return the whole document, which is the same for every caller."""
        if self.openapi_schema is None:
            complete(super().openapi())
        return super().openapi()


def create_app(context: Context) -> FastAPI:
    """Return the routes on one context."""
    app = _App(title="devicemgr", version=__version__, openapi_url=None, docs_url=None, redoc_url=None)
    app.state.context = context
    app.state.broadcast = Broadcast(context)
    app.state.firmware = firmware.Desk()
    app.state.bundles = bundles.Bundles()
    app.state.jobs = Jobs()
    app.state.people = Editions(context.site)
    app.state.face_checks = faces.check_limit()
    app.state.imports = ImportJobs()
    app.state.signins = SignIns(context.site)
    app.state.refusals = RefusedCalls(partial(Context.record_soon, context))
    problems.install(app)
    app.router.routes.extend(_routes())
    app.add_middleware(Idempotency)
    app.add_middleware(BodyLimit)
    app.add_middleware(Entry, context=context, signins=app.state.signins, refusals=app.state.refusals)
    app.add_middleware(Desk)  # the last one added is the first to see a request
    return app


@cache
def _routes() -> list[BaseRoute]:
    # Once a process: FastAPI takes a tenth of a second to join them, and never forgets a router that it joined.
    router = APIRouter(
        dependencies=[Depends(authorize), Depends(queries.refuse_unknown)], generate_unique_id_function=operation_id
    )
    for resource in (
        group_changes,
        roster,
        people,
        tables,
        imports,
        credentials,
        faces,
        calibration,
        model_migration,
        access_levels,
        departments,
        calendars,
        zones,
        threats,
        plans,
        sources,
        whereabouts,
        access,
        alarms,
        visitors,
        musters,
        reports,
        devices,
        discovery,
        trace,
        pairing,
        firmware,
        inventory,
        recording,
        maintenance,
        profiles,
        sync,
        portals,
        events,
        audit,
        keys,
        site_file,
        clock,
        system,
        jobs,
        session,
        operators,
        approvals,
        sessions,
        outlets,
    ):
        _leave_out_absent(resource.router)
        router.include_router(resource.router, prefix=PREFIX)
    router.include_router(metrics.router)
    router.add_api_route(f"{PREFIX}/openapi.json", _schema, include_in_schema=False, response_model=dict[str, Any])
    router.add_api_route("/healthz", _healthz, response_class=PlainTextResponse)
    return router.routes


def _leave_out_absent(router: APIRouter) -> None:
    """Let responses have the keys that handlers give, and no null for what a handler leaves out."""
    for route in router.routes:
        if isinstance(route, APIRoute):
            route.response_model_exclude_unset = True


def _schema(request: Request) -> dict[str, Any]:
    app: FastAPI = request.app
    return app.openapi()


def _healthz() -> str:
    """Answer while the program runs."""
    return "ok\n"
