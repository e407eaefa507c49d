"""`key=value` lines, as CGI answers have them."""

from devicemgr.errors import DeviceGarbled

_MAX_LINES = 100_000


def flat(text: str) -> dict[str, str]:
    """Parse `key=value` lines; other lines are left out."""
    lines = text.splitlines()
    if len(lines) > _MAX_LINES:
        raise DeviceGarbled("the terminal's answer has too many lines; is this the right device?")
    pairs = (line.partition("=") for line in lines)
    return {key.strip(): value.strip() for key, equals, value in pairs if equals}
