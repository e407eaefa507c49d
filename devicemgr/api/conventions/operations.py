"""Names of operations in the OpenAPI document: `people_list`, `portals_open`.

Client generators turn these names into functions, so they follow the path and never the name of a handler.
"""

from collections.abc import Iterable

from fastapi.routing import APIRoute

PREFIX = "/api/v1"

_COLLECTION_VERBS = {"GET": "list", "POST": "create"}
_ITEM_VERBS = {"GET": "show", "PUT": "replace", "PATCH": "update", "DELETE": "delete"}
_PART_VERBS = {"GET": "show", "PUT": "set", "PATCH": "update", "DELETE": "remove"}

# Where the rule gives a word that says too little.
_NAMES = {
    ("GET", "/healthz"): "health_show",
    ("GET", "/version"): "version_show",
    ("GET", "/status"): "status_show",
    ("GET", "/doctor"): "doctor_show",
    ("GET", "/support"): "support_show",
    ("GET", "/session"): "session_show",
    ("POST", "/session"): "session_create",
    ("DELETE", "/session"): "session_delete",
    ("POST", "/session/kiosk"): "session_create_kiosk",
    ("GET", "/clock"): "clock_show",
    ("GET", "/site"): "site_export",
    ("GET", "/events/stream"): "events_stream",
    ("GET", "/audit/verify"): "audit_verify",
    ("GET", "/audit/seals"): "audit_seals",
    ("POST", "/audit/bundles"): "audit_bundles_create",
    ("GET", "/audit/bundles/{bundle}"): "audit_bundles_show",
    ("GET", "/box"): "box_show",
    ("POST", "/discoveries"): "devices_discover",
    ("POST", "/discoveries/jobs"): "devices_discover_begin",
    ("POST", "/devices/{name}/test/jobs"): "devices_test_begin",
    ("POST", "/devices/{name}/provision/jobs"): "devices_provision_begin",
    ("POST", "/devices/{name}/sync/jobs"): "devices_sync_begin",
    ("DELETE", "/jobs/{job}"): "jobs_cancel",
    ("POST", "/certificates"): "certificates_show",
    ("GET", "/devices/{name}/plan"): "devices_sync_plan",
    ("POST", "/devices/{name}/sync"): "devices_sync_start",
    ("PUT", "/devices/{name}/firmware"): "devices_firmware_send",
    ("POST", "/people/import"): "people_import",
    ("GET", "/people/changes"): "people_changes",
    ("GET", "/imports/{job}/rows"): "imports_rows_list",
    ("GET", "/imports/{job}/failures"): "imports_failures_export",
    ("POST", "/zones/reset"): "zones_reset_all",
    ("POST", "/zones/{name}/reset"): "zones_reset",
    ("POST", "/visitors/{badge}/arrive"): "visitors_arrive",
    ("POST", "/visitors/{badge}/leave"): "visitors_leave",
    ("POST", "/visitors/{badge}/cancel"): "visitors_cancel",
    ("POST", "/threats/{name}/set"): "threats_set",
    ("POST", "/threats/{name}/end"): "threats_end",
    ("PUT", "/plans/{name}"): "plans_picture_set",
    ("GET", "/alarms/history"): "alarms_history",
    ("POST", "/alarms/{alarm}/acknowledge"): "alarms_acknowledge",
    ("POST", "/musters"): "musters_start",
    ("PUT", "/musters/armed"): "musters_arm",
    ("DELETE", "/musters/armed"): "musters_disarm",
    ("POST", "/musters/marks"): "musters_mark",
    ("POST", "/musters/{muster}/end"): "musters_end",
    ("GET", "/access/try"): "access_try",
    ("GET", "/reports/presence"): "reports_presence",
    ("GET", "/reports/first-last"): "reports_first_last",
    ("GET", "/reports/hours"): "reports_hours",
    ("GET", "/reports/denials"): "reports_denials",
    ("GET", "/reports/visitors"): "reports_visitors",
    ("GET", "/reports/musters"): "reports_musters",
    ("GET", "/access/why/{event}"): "access_explain",
    ("DELETE", "/people/{badge}"): "people_erase",
    ("GET", "/people/{badge}/export"): "people_export",
    ("PUT", "/people/{badge}/levels/{level}"): "people_levels_grant",
    ("DELETE", "/people/{badge}/levels/{level}"): "people_levels_revoke",
    ("POST", "/levels/{name}/holders"): "levels_holders_change",
    ("POST", "/people/suspensions"): "people_suspensions_change",
    ("POST", "/people/{badge}/cards"): "people_cards_assign",
    ("POST", "/people/{badge}/cards/next"): "people_cards_assign_next",
    ("PUT", "/cards/{number}/block"): "cards_block",
    ("DELETE", "/cards/{number}/block"): "cards_unblock",
    ("POST", "/cards/{number}/return"): "cards_return",
    ("POST", "/cards/{number}/replacement"): "cards_replace",
    ("POST", "/people/{badge}/face"): "people_face_enroll",
    ("DELETE", "/people/{badge}/face"): "people_face_withdraw",
    ("POST", "/people/{badge}/face/camera"): "people_face_capture",
    ("POST", "/people/{badge}/consent"): "people_consent_renew",
    ("POST", "/gallery/calibration"): "gallery_calibrate",
    ("POST", "/gallery/migration"): "gallery_migration_start",
    ("POST", "/approvals/{approval}"): "approvals_approve",
    ("DELETE", "/approvals/{approval}"): "approvals_refuse",
    ("DELETE", "/sessions/{session}"): "sessions_end",
    ("PUT", "/outlets/{name}/secret"): "outlets_secret_set",
    ("POST", "/outlets/{name}/test"): "outlets_test",
    ("POST", "/outlets/{name}/pause"): "outlets_pause",
    ("POST", "/outlets/{name}/resume"): "outlets_resume",
    ("POST", "/outlets/{name}/replay"): "outlets_replay",
    ("POST", "/operators/{name}/tokens"): "operators_tokens_create",
}


def operation_id(route: APIRoute) -> str:
    """Return the operation's name, RESOURCE_VERB."""
    return name_of(min(route.methods or {"GET"}), route.path_format)


def name_of(method: str, path: str) -> str:
    """Return the name of a method on a path, with or without the API's prefix."""
    path = path.removeprefix(PREFIX)
    if named := _NAMES.get((method, path)):
        return named
    is_item = path.endswith("}")
    nouns = _nouns(path.strip("/").split("/"))
    base = "_".join(nouns)
    if len(nouns) == 1:
        verb = (_ITEM_VERBS if is_item else _COLLECTION_VERBS).get(method, method.lower())
        return f"{base}_{verb}"
    verb = _PART_VERBS.get(method, "")
    return f"{base}_{verb}" if verb else base


def _nouns(parts: Iterable[str]) -> list[str]:
    return [part.replace("-", "_").replace(".", "_") for part in parts if not part.startswith("{")]
