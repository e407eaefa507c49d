"""Sabotages of daemon, devices and sync."""

from tests.sabotage.sabotage import one

SABOTAGES = (
    one(
        "whom a device won't restrict left as before",
        "devicemgr/sync/device_sync.py",
        "            yield from self._remove([key])\n            if key not in self._records:",
        "            if key not in self._records:",
        "tests/devicemgr/sync/test_device_sync.py",
    ),
    one(
        "a driver's call without deadline",
        "devicemgr/devices/call_timeouts.py",
        "self._call = _Call(now, now + deadline, silent)",
        "self._call = _Call(now, now + 1e9, silent)",
        "tests/devicemgr/devices/test_supervision.py",
    ),
    one(
        "a watchdog that is fed whatever happens",
        "devicemgr/daemon/watchdog.py",
        "    if not stalled:\n        systemd",
        "    if True:\n        systemd",
        "tests/devicemgr/daemon/test_watchdog.py",
    ),
    one(
        "a device's words in the log as they are",
        "devicemgr/logging.py",
        "record.message = safe(record.message, _MOST)",
        "record.message = record.message[:_MOST]",
        "tests/devicemgr/test_logging.py",
        "tests/devicemgr/test_text.py",
    ),
    one(
        "a healthy database moved for an error of another kind",
        "devicemgr/daemon/startup.py",
        "        except DatabaseDamaged as error:\n            why = str(error)\n    _quarantine",
        "        except Exception as error:\n            why = str(error)\n    _quarantine",
        "tests/devicemgr/daemon/test_keys_at_start.py",
    ),
    one(
        "a dry run that leaves its copy of the database",
        "devicemgr/daemon/start_check.py",
        'with tempfile.TemporaryDirectory(prefix=f"{_PREFIX}{os.getpid()}-", dir=home.cache) as folder:',
        'if folder := tempfile.mkdtemp(prefix=f"{_PREFIX}{os.getpid()}-", dir=home.cache):',
        "tests/devicemgr/cli/system/test_start_check.py",
    ),
)
