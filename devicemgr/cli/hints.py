"""What to do next, in the words of the command line: the core and the API give codes with arguments."""

import shlex
from collections.abc import Mapping
from typing import Any

from devicemgr.errors import DevicemgrError, Hint
from devicemgr.text import safe

MAX_ARGUMENT_CHARS = 300

WORDS = {
    "accept_calendar": "`devicemgr calendar refresh {name} --plan` shows it; then, if it is right, "
    "`devicemgr calendar refresh {name} --accept {digest}`",
    "follow_calendar": "`devicemgr calendar edit {name} --ics URL` lets it follow one",
    "refresh_calendar": "`devicemgr calendar refresh {name} --plan` reads it now",
    "accept_plan": "then, if it is right, --accept {digest}",
    "override_interlock": "if it must be: `devicemgr portal open {portal} --override interlock --reason TEXT`",
    "accept_sync": "then, if it is right, devicemgr source sync {name} --accept {digest}",
    "pass_column": "or name a column with --column badge=HEADER",
    "pass_encoding": "or name it with --encoding",
    "pass_sheet": "see --sheet",
    "pass_zip_encoding": "name it with --zip-encoding",
    "accept_clock": "if it is right: devicemgr clock --accept",
    "add_admin_and_approve": "there is no second admin yet, so first add them: "
    "`devicemgr operator add NAME --role admin --os-user USER`; they run `devicemgr operator approve {approval}`, "
    "then do it again",
    "add_operator": "devicemgr operator add NAME --role ROLE --os-user {os_user}",
    "add_zone": "`devicemgr zone add NAME` adds one",
    "allow_host": "name it with --allow-host at `devicemgr run`",
    "apply_site_file": "then `devicemgr apply` it",
    "approve": "another admin runs `devicemgr operator approve {approval}`, then do it again",
    "cancel_migration": "`devicemgr enroll migrate --back` cancels it",
    "choose_home": "use --home for another",
    "edit_calendar": "`devicemgr calendar edit {name}` changes it",
    "clear_department": "or take its levels: devicemgr department edit {name} --no-levels",
    "edit_department": "`devicemgr department edit {name}` changes its levels",
    "edit_device": "`devicemgr device edit {name}` changes it",
    "edit_device_password": "devicemgr device edit {name} … --password-stdin",
    "edit_portal": "`devicemgr portal edit {name}` changes it",
    "edit_portal_gate": "`devicemgr portal edit {name} --gate` names another",
    "edit_interlock": "`devicemgr interlock edit {name}` changes it",
    "edit_schedule": "`devicemgr schedule edit {name}` changes it",
    "edit_threat": "`devicemgr threat edit {name}` changes it",
    "edit_zone": "`devicemgr zone edit {name}` changes it",
    "edit_source": "`devicemgr source edit {name}` changes it",
    "enroll_photo": "devicemgr enroll photo {badge} FILE --consent REF",
    "how_to_restore": "devicemgr restore --help",
    "initialize_home": "devicemgr init",
    "install_rules": "sudo devicemgr udev install",
    "list_alarms": "`devicemgr alarm list` shows them",
    "list_approvals": "`devicemgr operator requests` shows them",
    "list_all_cards": "`devicemgr card list` shows all",
    "list_calendars": "`devicemgr calendar list` shows them",
    "list_cards": "`devicemgr card list {badge}` shows theirs",
    "list_decisions": "`devicemgr events --kind 'access_*'` shows them",
    "list_departments": "`devicemgr department list` shows them",
    "list_devices": "`devicemgr device list` shows them",
    "list_disputed": "look at `devicemgr events --kind decision_disputed`",
    "list_drivers": "`devicemgr device drivers` shows what is",
    "list_events": "`devicemgr events --portal {portal}` shows what happened",
    "list_interlocks": "`devicemgr interlock list` shows them",
    "list_levels": "`devicemgr level list` shows them",
    "list_musters": "`devicemgr muster list` shows them",
    "list_operators": "`devicemgr operator list` shows them",
    "list_people": "`devicemgr person list` shows all",
    "list_plans": "`devicemgr plan list` shows them",
    "list_portals": "`devicemgr portal list` shows them",
    "list_schedules": "`devicemgr schedule list` shows them",
    "list_visitors": "`devicemgr visitor list` shows them",
    "show_visitor": "`devicemgr visitor show {badge}` shows it",
    "cancel_visit": "`devicemgr visitor cancel {badge}` cancels it",
    "leave_visit": "`devicemgr visitor leave {badge}` ends it",
    "edit_level_visitors": "`devicemgr level edit {name} --visitors` changes that",
    "list_threats": "`devicemgr threat list` shows them",
    "list_zones": "`devicemgr zone list` shows them",
    "edit_outlet": "`devicemgr outlet edit {name}` changes it",
    "list_outlets": "`devicemgr outlet list` shows them",
    "list_sources": "`devicemgr source list` shows them",
    "end_threat": "`devicemgr threat end {name} --comment TEXT` ends it",
    "free_despite_threat": "if it must be: `devicemgr portal free {portal}` asks",
    "make_backup": "`devicemgr backup FILE` makes one",
    "make_home": "run `devicemgr init`, or correct --home",
    "make_token": "devicemgr operator token NAME",
    "migrate_home": "run `devicemgr init`",
    "migrate_model": "for another model: `devicemgr apply`, then `devicemgr enroll migrate`",
    "name_card_format": "or name its format with --as",
    "pair_reader": "devicemgr device provision {name} --pair",
    "set_device_login": "`devicemgr device edit NAME --username USER --password-stdin` sets them",
    "set_device_password": "`devicemgr device edit NAME --password-stdin` sets it",
    "name_port": "name the port by: sudo devicemgr udev install NAME=PORT",
    "name_port_again": "sudo devicemgr udev install {name}=PORT",
    "pass_calibration_target": "--days goes with --per-day and without --fpir",
    "pass_certificate": "give both --tls-cert and --tls-key",
    "pass_credentials": "use --username, --password-stdin",
    "pass_keys_file": "give the right file with --keys",
    "pass_later_end": "give a later --consent-until",
    "pass_profile": "give one with --profile, or in the site's file",
    "plan_source": "`devicemgr source plan {name}` shows it",
    "provision_devices": "devicemgr device provision {names}",
    "read_device": "see `devicemgr device test {name}`",
    "remove_card": "`devicemgr card remove {badge} {number}` first",
    "remove_level": "`devicemgr level remove {name}` first",
    "remove_name": "or: sudo devicemgr udev install --remove {name}",
    "remove_operator": "or `devicemgr operator remove {name}`",
    "remove_replaced_card": "`devicemgr card remove {badge} {number}` first, to assign it again",
    "remove_shared_card": "devicemgr card remove {badge} {number}",
    "remove_token": "devicemgr operator token NAME --revoke ID",
    "renew_consents": "devicemgr person list --expiring {days}; then enroll renew, or withdraw",
    "replace_home": "--replace moves that out of the way",
    "require_card_and_face": "devicemgr portal edit NAME --require card+face",
    "restore_backup": "restore a backup (`devicemgr restore FILE --replace`)",
    "restore_backup_or_recover": "restore a backup (`devicemgr restore FILE --replace`), or go on from the copy of "
    "{taken} (`devicemgr recover --from-snapshot`)",
    "run_doctor": "run `devicemgr doctor`",
    "send_firmware": "`devicemgr device firmware {name} FILE` sends some",
    "revoke_level": "`devicemgr level revoke {badge} {level}`, then again",
    "show_muster": "see `devicemgr muster show`",
    "show_person": "see `devicemgr person show {badge}`",
    "show_source": "see `devicemgr source show {name}`",
    "show_status": "`devicemgr status` shows more",
    "show_version": "`devicemgr version` shows this one's",
    "start_daemon": "start it: systemctl start devicemgr, or devicemgr run",
    "suggest_names": "devicemgr udev suggest",
    "suggest_rule": "then: devicemgr udev suggest --name {name}",
    "sync_device": "`devicemgr device sync {name}` does it",
    "take_card": "`devicemgr card remove {badge} {number}` takes it",
    "turn_on_attendance": "`devicemgr export`, then `attendance = true` below [site], then `devicemgr apply`",
    "turn_on_photos": "`devicemgr export`, then `show_photos = true` below [site], then `devicemgr apply`",
    "unblock_card": "`devicemgr card unblock {number}` first",
    "verify_audit": "`devicemgr audit verify` shows where",
    "verify_audit_whole": "all of it: devicemgr audit verify",
    "wipe_device": "`devicemgr device sync {name}`, or --forget",
}
"""By the code of a hint, its words; arguments stand in braces."""

# The field of a document that says what is, or what to do: a hint's words are added to the first that is there.
_TEXTS = ("fix", "cause", "detail", "why", "note")


def words_of(code: str, arguments: Mapping[str, Any]) -> str:
    """Return a hint's words; empty for a code of another version, or without an argument that the words need."""
    given = {name: _as_text(value) for name, value in arguments.items() if value is not None}
    try:
        return WORDS[code].format_map(given)
    except KeyError:
        return ""


def message_of(error: DevicemgrError) -> str:
    """Return an error's message, followed by what to do next."""
    return joined(str(error), error.hint)


def joined(text: str | None, hint: Hint | None) -> str:
    """Return a text followed by a hint's words."""
    return "; ".join(filter(None, (text, words_of(hint.code, hint.args) if hint else "")))


def hint_in(document: Mapping[str, Any]) -> Hint | None:
    """Return the hint of a document of the API."""
    found = document.get("hint")
    if not isinstance(found, dict) or not isinstance(found.get("args"), dict):
        return None
    hint = Hint(str(found.get("code")))
    hint.args = found["args"]
    return hint


def spell_out(document: Any) -> Any:
    """Add the words of each hint in a JSON document to the text that stands beside it; return the document."""
    if isinstance(document, list):
        for part in document:
            spell_out(part)
    elif isinstance(document, dict):
        hint = hint_in(document)
        name = next((name for name in _TEXTS if name in document), None) if hint else None
        if name is not None:
            document[name] = joined(document[name], hint) or None
        for part in document.values():
            if isinstance(part, dict | list):
                spell_out(part)
    return document


def _as_text(value: object) -> str:
    """Return an argument as a word of a command line."""
    if isinstance(value, list):
        return " ".join(map(_as_text, value))
    return shlex.quote(safe(str(value), MAX_ARGUMENT_CHARS))
