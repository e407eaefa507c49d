"""What an outlet of each kind states, and what becomes of its password when it goes elsewhere."""

import pytest

from devicemgr.domain.rules.outgoing.selection import Selection, selected
from devicemgr.errors import InvalidInput
from devicemgr.site.outlets import changes
from devicemgr.site.outlets.fields import checked_fields, place_of
from devicemgr.site.unit_of_work import unit_of_work
from devicemgr.store.outlets import rows

MAIL = {"kind": "mail", "url": "smtps://mail.example", "to": ["guard@example.com"], "sender": "gate@example.com"}
MQTT = {"kind": "mqtt", "url": "mqtts://broker.example"}
SYSLOG = {"kind": "syslog", "url": "syslog+tls://siem.example"}


@pytest.mark.parametrize(
    ("stated", "port", "is_tls"),
    [
        (MAIL, 465, True),
        (MAIL | {"url": "smtp://mail.example"}, 587, False),
        (MQTT, 8883, True),
        (MQTT | {"url": "mqtt://127.0.0.1"}, 1883, False),
        (MQTT | {"url": "mqtt://broker.example:1884", "insecure": True}, 1884, False),
        (SYSLOG, 6514, True),
        (SYSLOG | {"url": "syslog+udp://[::1]"}, 514, False),
    ],
)
def test_each_kind_has_its_addresses(stated, port, is_tls):
    place = place_of(checked_fields(stated))
    assert (place.port, place.is_tls) == (port, is_tls)


@pytest.mark.parametrize(
    ("stated", "words"),
    [
        (MAIL | {"to": []}, "to: an outlet of kind mail needs one"),
        (MAIL | {"to": ["a@b.example\r\nBcc: c@d.example"]}, "no mail address"),
        (MAIL | {"sender": "Gate <gate@example.com>"}, "no mail address"),
        (MAIL | {"batch": 5}, "batch: an outlet of kind mail has none; it is for webhook"),
        (MAIL | {"user": "a\nb"}, "printable"),
        (MAIL | {"url": "https://mail.example"}, "give one like smtps://"),
        (MAIL | {"url": "smtps://mail.example/inbox"}, "ends with host and port"),
        (MQTT | {"url": "mqtt://broker.example"}, "give an address like mqtts://"),
        (MQTT | {"url": "mqtts://me:secret@broker.example"}, "no password belongs into an address"),
        (SYSLOG | {"url": "syslog+tcp://siem.example"}, "insecure"),
        (SYSLOG | {"url": "syslog+udp://siem.example"}, "insecure"),
        (SYSLOG | {"enterprise": 0}, "enterprise"),
        (SYSLOG | {"language": "kk"}, "it is for mail"),
    ],
)
def test_what_a_kind_has_not_is_refused_in_words(stated, words):
    with pytest.raises(InvalidInput, match=words):
        checked_fields(stated)


@pytest.mark.parametrize(
    ("stated", "kinds"),
    [
        (MAIL, {"duress_signalled": False, "portal_forced": True, "alarm_acknowledged": True, "access_denied": False}),
        (SYSLOG, {"access_denied": True, "admin.level_added": True, "portal_forced": True, "access_granted": False}),
        (MQTT, {"access_granted": True}),
        (MAIL | {"kinds": ["access_denied"]}, {"access_denied": True, "portal_forced": False}),
    ],
)
def test_each_kind_gives_out_what_it_is_for(stated, kinds):
    selection = checked_fields(stated).selection
    assert isinstance(selection, Selection)
    event = {"seq": 1, "portal": "lobby", "reason": None, "evidence": {}, "detail": {}}
    assert {kind: selected(event | {"kind": kind}, selection) is not None for kind in kinds} == kinds


def change(site, stated):
    with unit_of_work(site, "uid:0") as work:
        changes.put_outlet(work, "out", checked_fields(stated))


def secrets_of(site):
    with site.database.read() as session:
        return rows.secrets_of(rows.outlet(session, "out"), site.vault)


@pytest.mark.parametrize(
    "elsewhere",
    [
        {"url": "mqtts://other.example"},
        {"url": "mqtts://broker.example:8884"},
        {"url": "mqtt://broker.example:8883", "insecure": True},
        {"insecure": True},
        {"kind": "webhook", "url": "https://broker.example:8883/"},
    ],
)
def test_a_password_is_for_one_server(site, elsewhere):
    change(site, MQTT)
    with unit_of_work(site, "uid:0") as work:
        assert changes.set_secret(work, "out", "correct horse", keeps_last=False) == "correct horse"
    change(site, MQTT | {"discovery": True})
    assert secrets_of(site) == ("correct horse",)
    change(site, MQTT | elsewhere)
    assert secrets_of(site) == ()


def test_a_key_that_signs_stays_when_the_receiver_moves(site):
    change(site, {"kind": "webhook", "url": "https://a.example/"})
    with unit_of_work(site, "uid:0") as work:
        made = changes.set_secret(work, "out", None, keeps_last=False)
    change(site, {"kind": "webhook", "url": "https://b.example/"})
    assert secrets_of(site) == (made,)


@pytest.mark.parametrize(
    ("stated", "secret", "keeps_last", "words"),
    [
        (MAIL, None, False, "give the password"),
        (MAIL, "two\nlines", False, "in one line"),
        (MAIL, "secret", True, "one password"),
        (SYSLOG, "secret", False, "has no secret"),
    ],
)
def test_a_secret_of_the_wrong_kind_is_refused(site, stated, secret, keeps_last, words):
    change(site, stated)
    with unit_of_work(site, "uid:0") as work, pytest.raises(InvalidInput, match=words):
        changes.set_secret(work, "out", secret, keeps_last=keeps_last)


def test_a_broker_has_one_connection_of_a_site(site):
    change(site, MQTT)
    with unit_of_work(site, "uid:0") as work:
        with pytest.raises(InvalidInput, match="outlet 'out' is this site's connection"):
            changes.add_outlet(work, "second", checked_fields(MQTT | {"url": "mqtts://BROKER.example:8883"}))
        changes.add_outlet(work, "third", checked_fields(MQTT | {"url": "mqtts://broker.example:8884"}))
        with pytest.raises(InvalidInput, match="change that one"):
            changes.put_outlet(work, "third", checked_fields(MQTT))
    change(site, MQTT | {"discovery": True})
