"""Calibration of a site: on request, and again by itself as the gallery grows."""

import logging
import threading
from typing import Any

from devicemgr.errors import DevicemgrError, Hint, InvalidInput, SystemFault
from devicemgr.gallery.cache import GalleryKeeper
from devicemgr.site.site import Site
from devicemgr.site.unit_of_work import unit_of_work
from devicemgr.store.people import calibrations, people

log = logging.getLogger(__name__)

DEFAULT_FPIR = 0.01
MAX_FPIR, MIN_FPIR = 0.1, 0.001
# Again once the gallery is a fifth larger.
MIN_GROWTH = 1.2
BY_ITSELF = "daemon"


def target(fpir: float | None, per_day: float | None, days: float | None) -> float:
    """Return the share of strangers who may be accepted; InvalidInput if the values conflict or are too strict."""
    if days is None:
        return DEFAULT_FPIR if fpir is None else fpir
    if fpir is not None or per_day is None:
        raise InvalidInput(
            "a number of days is one stranger taken for someone in so many days", hint=Hint("pass_calibration_target")
        )
    wanted = 1 / (per_day * days)
    if wanted < MIN_FPIR:
        most = 1 / (MIN_FPIR * per_day)
        raise InvalidInput(
            f"one in {days:g} days at {per_day:g} strangers a day is one in {per_day * days:.0f}, more than faces "
            f"alone can promise: up to {most:.3g} days can be had; for more ask for a card too",
            hint=Hint("require_card_and_face"),
        )
    return min(wanted, MAX_FPIR)


def days_between(share: dict[str, Any] | None, per_day: float) -> dict[str, float | None] | None:
    """Return the days between two accepted strangers, from a share with its interval; None is never."""
    if share is None:
        return None
    value, soonest, latest = (
        round(1 / (share[name] * per_day), 2) if share[name] > 0 else None for name in ("value", "high", "low")
    )
    return {"value": value, "low": soonest, "high": latest}


def calibrate(site: Site, actor: str, fpir: float) -> dict[str, Any]:
    """Measure, apply and record a calibration; return its figures, with look-alikes by badge."""
    if not MIN_FPIR <= fpir <= MAX_FPIR:
        raise InvalidInput(f"fpir is a share of strangers from {MIN_FPIR} to {MAX_FPIR}, such as 0.01")
    return calibrate_gallery(site, site.gallery, actor, fpir)


def calibrate_gallery(site: Site, gallery: GalleryKeeper, actor: str, fpir: float) -> dict[str, Any]:
    """Calibrate the gallery of any model; SystemFault if this installation has no calibrator."""
    if site.parts.calibrate is None:
        raise SystemFault("this installation has no part that calibrates: install devicemgr again (make install)")
    gallery.refresh()
    own = gallery.own
    calibration, figures = site.parts.calibrate(gallery.rows(), fpir, own)
    figures["model"] = gallery.name_of(own)
    kept = ("model", "people", "tested", "fpir_target", "threshold", "from")
    detail = {name: figures[name] for name in kept} | {"lookalike_pairs": len(calibration.lookalikes)}
    with unit_of_work(site, actor) as work:
        calibrations.save(work.session, calibration, own)
        work.record("admin.gallery_calibrated", detail)
        for pair in figures["lookalikes"]:
            pair["badges"] = [people.badge_of(work.session, person) for person in pair.pop("people")]
    gallery.refresh()
    return figures


class Recalibration:
    """Calibrates again, in its own thread, when a calibrated site has grown."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._thread: threading.Thread | None = None

    def consider(self) -> None:
        """Start a calibration if it is due and none is running; return at once."""
        calibration = self._site.gallery.calibration
        grown = calibration is not None and (
            self._site.gallery.current.stats().people >= max(calibration.people * MIN_GROWTH, 1)
        )
        if calibration is None or not grown or (self._thread is not None and self._thread.is_alive()):
            return
        self._thread = threading.Thread(target=self._run, args=(calibration.fpir,), name="calibration", daemon=True)
        self._thread.start()

    def wait(self, seconds: float) -> None:
        """Wait for a running calibration, at most so many seconds."""
        if self._thread is not None:
            self._thread.join(seconds)

    def _run(self, fpir: float) -> None:
        try:
            figures = calibrate(self._site, BY_ITSELF, fpir)
        except DevicemgrError as error:
            log.warning("Failed to calibrate the grown gallery: %s", error)
        except Exception:
            log.exception("Failed to calibrate the grown gallery")
        else:
            log.info("Calibrated for %d people: threshold %.4f", figures["people"], figures["threshold"])
