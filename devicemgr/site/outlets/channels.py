"""The ways in which events leave: the addresses of each, what only it states, and what it gives out by default."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from devicemgr.domain.ledger_events import Kind
from devicemgr.domain.rules.outgoing.selection import ALARMS


@dataclass(frozen=True, slots=True)
class Channel:
    """A way in which events leave.

    `ports` are its schemes, each with its usual port; `secured` those that begin with TLS, `open` those that are
    spoken to this computer alone unless an outlet states `insecure`. `own` are the fields that only it has, `needed`
    those it can't do without, `kinds` the events it gives out where an outlet names none; () is all.
    """

    example: str
    ports: Mapping[str, int]
    secured: frozenset[str]
    open: frozenset[str]
    own: frozenset[str] = frozenset()
    needed: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    has_path: bool = False
    signs: bool = field(default=False, kw_only=True)
    """Its secret signs and never leaves; otherwise it is a password, which the receiver gets."""


CHANNELS: Mapping[str, Channel] = {
    "webhook": Channel(
        "https://hr.example/hooks",
        {"https": 443, "http": 80},
        secured=frozenset({"https"}),
        open=frozenset({"http"}),
        own=frozenset({"batch"}),
        has_path=True,
        signs=True,
    ),
    # smtp has to begin TLS by STARTTLS: RFC 8314 names the ports.
    "mail": Channel(
        "smtps://mail.example",
        {"smtps": 465, "smtp": 587},
        secured=frozenset({"smtps"}),
        open=frozenset(),
        own=frozenset({"to", "sender", "language", "reports", "user"}),
        needed=("to", "sender"),
        kinds=(ALARMS,),
    ),
    "mqtt": Channel(
        "mqtts://broker.example",
        {"mqtts": 8883, "mqtt": 1883},
        secured=frozenset({"mqtts"}),
        open=frozenset({"mqtt"}),
        own=frozenset({"user", "discovery", "commands"}),
    ),
    # RFC 5425, RFC 6587 and RFC 5426 name the ports.
    "syslog": Channel(
        "syslog+tls://siem.example",
        {"syslog+tls": 6514, "syslog+tcp": 601, "syslog+udp": 514},
        secured=frozenset({"syslog+tls"}),
        open=frozenset({"syslog+tcp", "syslog+udp"}),
        own=frozenset({"format", "enterprise"}),
        kinds=(str(Kind.ACCESS_DENIED), "admin.*", ALARMS),
    ),
}
