"""Sabotages of ONVIF devices."""

from tests.sabotage.sabotage import one

SABOTAGES = (
    one(
        "a mistyped fire input that stays green",
        "drivers/common/onvif/services/digital_inputs.py",
        "            if now - since >= (FIRST_REPORT_S if is_listed else UNLISTED_S):\n",
        "            if not is_fire and now - since >= (FIRST_REPORT_S if is_listed else UNLISTED_S):\n",
        "tests/drivers/common/onvif/services/test_digital_inputs.py",
    ),
    one(
        "a port believed that another host announces",
        "drivers/common/onvif/soap/addresses.py",
        '        if given.scheme == own.scheme and self._is_own(given.hostname or ""):\n',
        "        if given.scheme == own.scheme:\n",
        "tests/drivers/common/onvif/soap/test_addresses.py",
    ),
    one(
        "answers inflated without a bound",
        "drivers/common/onvif/soap/bodies.py",
        "        plain = inflater.decompress(body, MAX_BODY_BYTES + 1)\n",
        "        plain = inflater.decompress(body)[:MAX_BODY_BYTES]\n",
        "tests/drivers/common/onvif/soap/test_tolerance.py",
    ),
)
