"""The codes of major type 3 ("operation") of Hikvision's access control, as a table.

Source: the vendor's "Access Control Event Types" (ISAPI developer guide, access control on person). A code that is not
here is recorded by its number.
"""

from devicemgr.domain.ledger_events import Kind

_OPEN, _SHUT, _R = Kind.PORTAL_UNLOCKED, Kind.PORTAL_LOCKED, Kind.DEVICE_REPORTED
_CLOSED = Kind.PORTAL_RELOCKED

# What a command of this host is recorded as by the console: RemoteControl/door's words.
OF_COMMANDS = {"open": (3, 0x400), "close": (3, 0x401), "alwaysOpen": (3, 0x402), "alwaysClose": (3, 0x403)}

# What each of this host's own requests may leave behind. Of another host it is recorded; where the console does not
# name the host, it would be recorded many times an hour for what is done here.
BY_REQUESTS = frozenset({0x70, 0x71, 0x74, 0x75, 0x76, 0x77, 0x78, 0x79, 0x7A, 0x404, 0x40B})

# fmt: off
# minor: (what was done, our kind of event)
OPERATIONS: dict[int, tuple[str, Kind]] = {
    0x400: ("opened by another program", _OPEN),
    0x401: ("closed by another program", _CLOSED),
    0x402: ("set to stay open by another program", _OPEN),
    0x403: ("set to stay closed by another program", _SHUT),
    0x41C: ("closed by a key fob", _CLOSED),
    0x41D: ("opened by a key fob", _OPEN),
    0x41E: ("set to stay open by a key fob", _OPEN),
    **{minor: (words, _R) for minor, words in {
        0x41: "started", 0x42: "shut down", 0x43: "not shut down properly", 0x44: "restarted at its screen",
        0x50: "login at its screen", 0x51: "logout at its screen", 0x52: "set at its screen",
        0x59: "its time was set at its screen", 0x5A: "firmware from its screen",
        0x5D: "settings exported at its screen", 0x5E: "settings imported at its screen",
        0x6D: "the administrator's password was reset at its screen",
        0x70: "remote login", 0x71: "remote logout", 0x74: "transparent channel opened",
        0x75: "transparent channel closed", 0x76: "settings read", 0x77: "settings changed", 0x78: "state read",
        0x79: "listened to", 0x7A: "no longer listened to", 0x7B: "restarted by a program",
        0x7E: "firmware by a program", 0x83: "shut down by a program",
        0x86: "settings exported by a program", 0x87: "settings imported by a program",
        0x9D: "locked at its screen", 0x9E: "unlocked at its screen",
        0xD6: "alarm output switched on by a program", 0xD7: "alarm output switched off by a program",
        0xF0: "activated at its screen", 0xF1: "activated by a program",
        0xF2: "default settings restored at its screen", 0xF3: "default settings restored by a program",
        0x137: "logins by programs locked", 0x138: "logins by programs open again",
        0x404: "its time was set by a program", 0x405: "its time was set by a time server",
        0x406: "all cards were removed by a program", 0x407: "default settings restored by a program",
        0x408: "zone armed", 0x409: "zone disarmed", 0x40A: "default settings restored at its screen",
        0x40B: "picture taken by a program", 0x40C: "network settings changed", 0x40F: "dismiss code entered",
        0x412: "settings imported", 0x413: "settings exported",
        0x414: "rights of cards imported", 0x415: "rights of cards exported",
        0x417: "a visitor called the elevator", 0x418: "a resident called the elevator",
        0x419: "armed by a program", 0x41A: "disarmed by a program", 0x41B: "a key fob that is not paired",
        0x41F: "encryption of M1 cards switched on", 0x420: "encryption of M1 cards switched off",
        0x42F: "people imported at its screen", 0x430: "people exported at its screen",
        0x431: "certificate made", 0x432: "certificate stored", 0x433: "certificate removed",
        0x2600: "the administrator's password was reset at its screen",
        0x2601: "the administrator's password was reset by a program",
    }.items()},
}
# fmt: on
