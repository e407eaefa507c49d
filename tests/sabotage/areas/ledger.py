"""Sabotages of the ledger."""

from tests.sabotage.sabotage import one

SABOTAGES = (
    one(
        "doctor reads no event behind the seal",
        "devicemgr/ledger/verification.py",
        "    count, flaw = ledger.verify(after, previous)\n",
        "    count, flaw = 30, None\n",
        "tests/devicemgr/ledger/test_verification.py",
    ),
    one(
        "doctor reads every event there is",
        "devicemgr/ledger/verification.py",
        "    if last - first <= MIN_RECENT:\n",
        "    if last >= first:\n",
        "tests/devicemgr/ledger/test_verification.py",
    ),
    one(
        "acknowledged before the commit",
        "devicemgr/ledger/writer.py",
        """            entries = events.append(session, facts)
        del self._backlog[: len(batch)]
        recorded = 0
        for item in batch:
            recorded += len(item.facts)
            _call(item.then, entries[recorded - 1])
""",
        """            entries = events.append(session, facts)
            recorded = 0
            for item in batch:
                recorded += len(item.facts)
                _call(item.then, entries[recorded - 1])
        del self._backlog[: len(batch)]
""",
        "tests/devicemgr/ledger/test_writer.py",
        "tests/devicemgr/access/test_pipeline.py",
    ),
    one(
        "an anchor that appends to any file",
        "devicemgr/ledger/anchors.py",
        'if end and (not newline or _read_line(whole.rpartition(b"\\n")[2]) is None):',
        "if False:",
        "tests/devicemgr/ledger/test_anchors.py",
    ),
    one(
        "a forged restore that explains an older copy",
        "devicemgr/ledger/restorations.py",
        'one.get("id") == detail.get("backup") and one.get("commitment") == commitment(proof) for one in found',
        'one.get("id") == detail.get("backup") for one in found',
        "tests/devicemgr/ledger/test_anchors.py",
    ),
)
