"""Every action of the desk: where it is, what shows it, and the operations of the API that it stands for.

A view is an address with what one does there first; a row is a selector within the view's element, which is there if
the role may call all of its operations, and else not.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

Operations = str | tuple[str, ...]
Rows = Mapping[str, Operations]


@dataclass(frozen=True)
class View:
    """What is on the screen at an address, after clicks."""

    address: str
    root: str
    """The element in which the rows are looked for."""
    needs: str
    """The operation without which no one comes here."""
    ready: str
    """What is there once the rows would be."""
    rows: Rows
    clicks: Sequence[str] = field(default=())

    @property
    def page(self) -> str:
        """Return the page's name: that of the folder or file of its sources."""
        return self.address.split("/")[0].split("?")[0]


FRAME: Rows = {
    'nav a[href="#/live"]': "GET /events/stream",
    'nav a[href="#/plan"]': "GET /plans",
    'nav a[href="#/alarms"]': "GET /alarms",
    'nav a[href="#/people"]': "GET /people",
    'nav a[href="#/visitors"]': "GET /visitors",
    'nav a[href="#/muster"]': "GET /musters",
    'nav a[href="#/reports"]': "GET /reports/denials",
    'nav a[href="#/devices"]': "GET /devices",
    'nav a[href="#/site"]': "GET /levels",
    'nav a[href="#/record"]': "GET /audit/verify",
    'nav a[href="#/operators"]': "GET /operators",
    'nav a[href="#/system"]': "GET /status",
    "desk-bell": "GET /alarms",
    "[data-sign-out]": "DELETE /session",
}
"""The frame around each page."""

MODES: Rows = {"[data-open]": "POST /portals/{name}/open", "[data-mode]": "PUT /portals/{name}/mode"}
_SET, _END, _ACKNOWLEDGE = "POST /threats/{name}/set", "POST /threats/{name}/end", "POST /alarms/{alarm}/acknowledge"
_OPERATIONS: Sequence[View] = (
    View("live", "body", "GET /status", "nav.menu a", FRAME),
    View("live", "desk-live", "GET /events/stream", "[data-portal]", MODES | {".why": "GET /access/why/{event}"}),
    View("live", "header.top", "GET /events/stream", "desk-bell", {"[data-threats]": (_SET, _END)}),
    View("threats", "body", _SET, "[data-threat=lockdown]", {"[data-threat=lockdown] [data-set]": _SET}),
    View("threats", "body", _END, "[data-threat=siege]", {"[data-threat=siege] [data-end]": _END}),
    View(
        "plan",
        "desk-plan",
        "GET /plans",
        "[data-zoom-in]",
        {"[data-edit]": "PUT /plans/{name}/placements", "[data-new]": "PUT /plans/{name}"},
    ),
    View(
        "plan",
        "desk-plan-panel",
        "GET /plans",
        "[data-state]",
        MODES | {"ol.plan-events": "GET /events", '.plan-events a[href^="#/why/"]': "GET /access/why/{event}"},
        ('[data-thing="portal:staff-entrance"] .hit',),
    ),
    View(
        "plan",
        "desk-plan-panel",
        "GET /plans",
        "[data-state]",
        {'a[href="#/devices/lobby-gate"]': "GET /devices"},
        ('[data-thing="device:lobby-gate"] .hit',),
    ),
    View(
        "plan",
        "desk-plan",
        "PUT /plans/{name}/placements",
        "[data-undo]",
        {"[data-remove-plan]": "DELETE /plans/{name}", "[data-replace]": "PUT /plans/{name}"},
        ("[data-edit]",),
    ),
    View(
        "alarms",
        "desk-alarms",
        "GET /alarms",
        '[data-row="threat_set:siege"]',
        {'[data-row="threat_set:siege"] [data-acknowledge]': _ACKNOWLEDGE, "[data-tab=history]": "GET /alarms/history"},
    ),
    View(
        "alarms/threat_set%3Asiege",
        "desk-alarm",
        "GET /alarms",
        "dl.facts",
        {"[data-acknowledge]": _ACKNOWLEDGE, "desk-alarm-history": "GET /alarms/history"},
    ),
    View("why", "desk-why", "GET /access/why/{event}", "form", {"[data-submit]": "GET /access/try"}),
    View(
        "visitors",
        "desk-visitors",
        "GET /visitors",
        "[data-row]",
        {"[data-new]": "POST /visitors", "[data-do=arrive]": "POST /visitors/{badge}/arrive"},
    ),
    View(
        "visitors?part=here",
        "desk-visitors",
        "GET /visitors",
        "[data-row]",
        {"[data-do=leave]": "POST /visitors/{badge}/leave"},
    ),
    View(
        "visitors/EXPECTED",
        "desk-visit",
        "GET /visitors",
        "dl.facts",
        {"[data-do=arrive]": "POST /visitors/{badge}/arrive", "[data-do=cancel]": "POST /visitors/{badge}/cancel"},
    ),
    View(
        "muster",
        "desk-muster",
        "GET /musters",
        "[data-muster]",
        {"[data-start=drill]": "POST /musters", "[data-start=real]": "POST /musters"},
    ),
    View(
        "muster/DRILL",
        "desk-muster",
        "GET /musters",
        "[data-person='1001']",
        {"[data-mark=safe]": "POST /musters/marks", "[data-end]": "POST /musters/{muster}/end"},
        ("[data-filter=all]",),
    ),
)

_CARDS = "[data-card='{}'] [data-act={}]"
_PEOPLE: Sequence[View] = (
    View(
        "people",
        "desk-people",
        "GET /people",
        "[data-row='1001']",
        {
            "[data-import]": (
                "POST /people/import",
                "POST /imports",
                "POST /imports/{job}/start",
                "POST /imports/{job}/stop",
            ),
            "[data-add]": "POST /people",
            "[data-row='1001'] [data-suspend]": "POST /people/{badge}/suspend",
            "[data-row='1006'] [data-suspend]": "POST /people/{badge}/resume",
        },
    ),
    View("people/import", "desk-people", "GET /people", "[data-file]", {"[data-file]": "POST /imports"}),
    View(
        "people/1001/face",
        "desk-people",
        "GET /people",
        "[data-files]",
        {"[data-files]": ("POST /people/{badge}/face", "POST /faces/check")},
    ),
    View(
        "people/1002",
        "desk-person",
        "GET /people",
        "[data-erase]",
        {
            "[data-suspend]": "POST /people/{badge}/suspend",
            "[data-edit]": "PATCH /people/{badge}",
            "[data-assign]": "POST /people/{badge}/cards",
            _CARDS.format("80:1", "block"): "PUT /cards/{number}/block",
            _CARDS.format("80:1", "replace"): "POST /cards/{number}/replacement",
            _CARDS.format("80:1", "remove"): "DELETE /people/{badge}/cards/{number}",
            _CARDS.format("80:2", "unblock"): "DELETE /cards/{number}/block",
            _CARDS.format("80:3", "return"): "POST /cards/{number}/return",
            "[data-pin]": "PUT /people/{badge}/pin",
            "[data-pin-remove]": "DELETE /people/{badge}/pin",
            "[data-grant]": "PUT /people/{badge}/levels/{level}",
            "[data-level=staff] [data-revoke]": "DELETE /people/{badge}/levels/{level}",
            "[data-enroll]": ("POST /people/{badge}/face", "POST /faces/check"),
            "[data-withdraw]": "DELETE /people/{badge}/face",
            "[data-copy]": "GET /people/{badge}/export",
            "[data-erase]": "DELETE /people/{badge}",
        },
    ),
)

_DEVICE = "GET /devices"
_SETUP: Sequence[View] = (
    View(
        "devices",
        "desk-devices",
        _DEVICE,
        "[data-device=lobby-gate]",
        {"[data-find]": ("POST /discoveries/jobs", "DELETE /jobs/{job}"), "[data-add]": "POST /devices"},
    ),
    View(
        "devices/console",
        "desk-device",
        _DEVICE,
        "desk-device-upkeep dl",
        {
            "[data-test]": "POST /devices/{name}/test/jobs",
            "[data-identify]": "POST /devices/{name}/identify",
            "[data-restart]": "POST /devices/{name}/reboot",
            "[data-tab=look]": "POST /devices/{name}/snapshot",
            "[data-tab=sync]": "GET /devices/{name}/sync",
            "[data-tab=edit]": "PATCH /devices/{name}",
        },
    ),
    View(
        "devices/camera",
        "desk-device",
        _DEVICE,
        "desk-device-upkeep dl",
        {"[data-tab=setup]": "POST /devices/{name}/provision/jobs"},
    ),
    View("devices/lobby-gate", "desk-device", _DEVICE, "dl", {"[data-tab=trace]": "GET /devices/{name}/trace"}),
    View(
        "devices/console?part=sync",
        "desk-device-sync",
        "GET /devices/{name}/sync",
        ".tools",
        {"[data-drift]": "GET /devices/{name}/plan", "[data-sync]": "POST /devices/{name}/sync/jobs"},
    ),
    View(
        "devices/console?part=edit",
        "desk-device",
        "PATCH /devices/{name}",
        "[data-save]",
        {"[data-remove]": "DELETE /devices/{name}"},
    ),
    View(
        "devices?part=add&kind=onvif_camera&address=https://192.0.2.1",
        "desk-device-form",
        "POST /devices",
        "[data-save]",
        {"[data-certificate]": "POST /certificates"},
    ),
)

OF_SITE = {
    "schedules/office": ("POST /schedules", "PUT", ("POST /schedules/plan",)),
    "calendars/kz": ("POST /calendars", "PUT", ("POST /schedules/plan",)),
    "levels/staff": ("POST /levels", "PATCH", ()),
    "departments/kitchen": ("PUT /departments/{name}", "PATCH", ()),
    "portals/lobby": ("POST /portals", "PATCH", ()),
    "zones/lab": ("POST /zones", "PATCH", ()),
    "interlocks/trap": ("POST /interlocks", "PUT", ()),
    "threats/lockdown": ("POST /threats", "PATCH", ()),
}
"""The tabs of the site with an entry in each: what adds one, how one is changed, and what else saving calls."""


def _of_site(address: str) -> list[View]:
    adds, changes, also = OF_SITE[address]
    tab, _ = address.split("/")
    one = f"/{tab}/{{name}}"
    rows: Rows = {"[data-save]": (f"{changes} {one}", *also), "[data-remove]": f"DELETE {one}"}
    more: Rows = {"[data-read]": "POST /calendars/{name}/refresh"} if tab == "calendars" else {}
    linked: Rows = {".holders a": "GET /people/{badge}"} if tab in ("levels", "departments") else {}
    return [
        View(f"site/{tab}", "desk-site", "GET /levels", ".summary:not(:empty)", {"[data-add]": adds}),
        View(f"site/{address}", "desk-site-editor", "GET /levels", "[data-close]", {**rows, **more, **linked}),
    ]


_SITE: Sequence[View] = (
    *(view for address in OF_SITE for view in _of_site(address)),
    View(
        "site/levels",
        "desk-site-levels",
        "GET /levels",
        "[name=coverage]",
        {"[data-fill-row]": ("PUT /levels/{name}", "POST /site/apply")},
        ("[data-cell='staff/lobby']",),
    ),
    View("site/outlets", "desk-site-outlets", "GET /outlets", "[data-row=hr]", {"[data-add]": "POST /outlets"}),
    View(
        "site/outlets/hr",
        "desk-outlet",
        "GET /outlets",
        "[data-events]",
        {
            "[data-edit]": "PUT /outlets/{name}",
            "[data-remove]": "DELETE /outlets/{name}",
            "[data-test]": "POST /outlets/{name}/test",
            "[data-pause]": "POST /outlets/{name}/pause",
            "[data-replay]": ("POST /outlets/{name}/replay", "GET /events"),
            "[data-make-secret]": "PUT /outlets/{name}/secret",
        },
    ),
    View(
        "site/outlets/shop",
        "desk-outlet",
        "GET /outlets",
        "[data-state=paused]",
        {"[data-resume]": ("POST /outlets/{name}/resume", "GET /events")},
    ),
    View("site/file", "desk-site", "GET /levels", "[data-export]", {"[data-plan]": "POST /site/apply"}),
)

_OFFICE: Sequence[View] = (
    View(
        "reports",
        "desk-reports",
        "GET /reports/denials",
        "[data-make]",
        {
            f"[data-tab={kind}]": f"GET /reports/{kind}"
            for kind in ("presence", "first-last", "hours", "denials", "visitors", "musters")
        },
    ),
    View(
        "reports/presence?from=2026-01-01&to=2026-01-02&make=1",
        "desk-reports",
        "GET /reports/presence",
        "[data-attendance-off]",
        {'a[href="#/site"]': "POST /site/apply"},
    ),
    View(
        "record/check",
        "desk-record",
        "GET /audit/verify",
        "[data-verify]",
        {"[data-export]": ("POST /audit/bundles", "GET /audit/bundles/{bundle}")},
    ),
    View(
        "record/event/DENIAL",
        "desk-record",
        "GET /audit/verify",
        "[data-event]",
        {'a[href="#/people/1002"]': "GET /people"},
    ),
    View(
        "operators",
        "desk-operators",
        "GET /operators",
        "[data-row]",
        {
            "[data-add]": "POST /operators",
            "[data-tab=sessions]": "GET /sessions",
            "[data-tab=approvals]": "GET /approvals",
        },
    ),
    View(
        "operators/of/guard",
        "desk-operators",
        "GET /operators",
        "[data-token]",
        {
            "[data-save-roles]": "PUT /operators/{name}/roles",
            "[data-save-password]": "PUT /operators/{name}/password",
            "[data-remove]": "DELETE /operators/{name}",
            "[data-make-token]": "POST /operators/{name}/tokens",
            "[data-revoke]": "DELETE /operators/{name}/tokens/{token}",
        },
    ),
    View(
        "operators/sessions",
        "desk-operators",
        "GET /sessions",
        "[data-end]",
        {"[data-end]": "DELETE /sessions/{session}"},
    ),
    View(
        "operators/approvals",
        "desk-operators",
        "GET /approvals",
        "[data-approval]",
        {"[data-approve]": "POST /approvals/{approval}", "[data-refuse]": "DELETE /approvals/{approval}"},
    ),
    View("system", "desk-system", "GET /status", "[data-box]", {"[data-doctor]": "GET /doctor"}),
)

VIEWS: Sequence[View] = (*_OPERATIONS, *_PEOPLE, *_SETUP, *_SITE, *_OFFICE)

SIGNING_IN = frozenset({"POST /session", "POST /session/kiosk"})
"""What is called before there is a role."""
UNSHOWN: Mapping[str, str] = {
    "GET /people/{badge}/photo": "tests/desk/people/test_person_card.py: only where a site shows photos",
    "GET /jobs": "a page looks for what it began; shown by the button that begins it",
}
"""What no button stands for, and why."""
