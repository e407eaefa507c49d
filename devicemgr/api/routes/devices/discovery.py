"""/discoveries: what is on the network and plugged in, and is not added yet."""

from typing import Any

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field

from devicemgr.api.context import Context, Ctx, Who
from devicemgr.api.routes.devices.models import Discovery, ShownCertificate
from devicemgr.api.routes.system.jobs import JobState, begin
from devicemgr.errors import InvalidInput
from devicemgr.operations.jobs import Job
from devicemgr.provisioning import certificates, discovery
from devicemgr.store.site import devices as device_store

router = APIRouter(tags=["devices"])


class DiscoveryRequest(BaseModel):
    """How long to look, for which kind, and which addresses and ranges to ask besides those that answer a broadcast."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)
    seconds: float = Field(5.0, ge=0.2, le=60)
    kind: str | None = None
    hosts: list[str] = Field([], max_length=64)
    line: str | None = Field(None, max_length=300, description="look on this serial line or serial server alone")


@router.post("/discoveries", response_model=Discovery)
def discover_devices(body: DiscoveryRequest, context: Ctx, _: Who) -> dict[str, Any]:
    """Look now; nothing is added, and no password is sent."""
    return _look(body, context)


@router.post("/discoveries/jobs", status_code=202, response_model=JobState)
def begin_discovery(body: DiscoveryRequest, request: Request, context: Ctx, caller: Who) -> dict[str, Any]:
    """Look as a job. Canceled, it is let go at once; devices may go on answering for its seconds."""
    discovery.expand(body.hosts)  # what is no address is refused at once
    job = Job("discovery", None, caller.actor, ("POST", "/discoveries"), seconds=body.seconds, waits_only=True)
    return begin(request, job, lambda _: _look(body, context))


class CertificateRequest(BaseModel):
    """Where to look."""

    model_config = ConfigDict(extra="forbid")
    address: str = Field(max_length=300, examples=["https://192.0.2.64"])


@router.post("/certificates", response_model=ShownCertificate)
def show_certificate(body: CertificateRequest, _: Who) -> dict[str, Any]:
    """Read the certificate that an address shows now, to be compared on the spot; nothing else is sent, nothing kept.

    Its fingerprint is what the option `tls_fingerprint` takes.
    """
    return certificates.shown_by(body.address).as_json()


def _look(body: DiscoveryRequest, context: Context) -> dict[str, Any]:
    with context.site.database.read() as session:
        rows = device_store.devices(session)
        known = {row.name: (row.address, str(row.options.get("unit", 0))) for row in rows}
    catalog = context.site.parts.catalog
    if body.line is None:
        return discovery.discover(catalog, known, body.seconds, body.hosts, body.kind)
    if body.hosts:
        raise InvalidInput("give either a line or hosts to look at")
    return discovery.scan_line(catalog, known, body.seconds, body.line, body.kind)
