"""Sabotages of rules, ports and clock."""

from tests.sabotage.sabotage import one

SABOTAGES = (
    one(
        "an expired right granted",
        "devicemgr/domain/rules/validity.py",
        "return Reason.EXPIRED",
        "return None",
        "tests/devicemgr/domain/rules/test_validity.py",
    ),
    one(
        "evidence of long ago acted on",
        "devicemgr/domain/rules/decision/requests.py",
        "MAX_EVIDENCE_AGE_S = 2.0",
        "MAX_EVIDENCE_AGE_S = 2000.0",
        "tests/devicemgr/domain/rules/test_policy.py",
        "tests/devicemgr/access/test_pipeline_edges.py",
    ),
    one(
        "a seal that is not verified",
        "devicemgr/domain/ledger_seals.py",
        """    except (InvalidSignature, ValueError, TypeError):
        return False""",
        """    except (InvalidSignature, ValueError, TypeError):
        return True""",
        "tests/devicemgr/ledger/test_sealer.py",
    ),
    one(
        "a chain that is not followed",
        "devicemgr/domain/ledger_chain.py",
        "if not isinstance(entry.body, str) or link(previous, entry.body) != entry.hash:",
        "if not entry.hash:",
        "tests/devicemgr/ledger/test_writer.py",
        "tests/devicemgr/ledger/test_sealer.py",
    ),
    one(
        "a calendar's holiday that opens where another calendar works",
        "devicemgr/domain/rules/calendars.py",
        "closed |= {day.date for day in days if day.kind == DayKind.HOLIDAY}",
        "closed |= {day.date for day in days if day.kind == DayKind.HOLIDAY and day.date not in working}",
        "tests/devicemgr/domain/rules/test_calendars.py",
    ),
    one(
        "a calendar's server that leads elsewhere",
        "devicemgr/site/hours/download.py",
        "    if 300 <= status < 400:",
        """    if (place := response.headers.get("Location")) and 300 <= status < 400:
        return download(Target(place, target.tls_ca, target.allow_private, target.insecure), max_bytes)
    if 300 <= status < 400:""",
        "tests/devicemgr/site/hours/test_download.py",
    ),
    one(
        "a calendar's file without days that is taken for no holidays",
        "devicemgr/site/hours/icalendar_file.py",
        "    if not days:\n",
        "    if not days and left_out:\n",
        "tests/devicemgr/cli/site/test_calendar_feeds.py",
        "tests/devicemgr/site/hours/test_icalendar_file.py",
    ),
    one(
        "a metadata service within the reach of a calendar's address",
        "devicemgr/domain/rules/outgoing/addresses.py",
        "    if any(_is_never_called(one) for one in found):",
        "    if any(_is_never_called(one) for one in found) and not allow_private:",
        "tests/devicemgr/domain/rules/outgoing/test_addresses.py",
    ),
)
