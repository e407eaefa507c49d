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
)
