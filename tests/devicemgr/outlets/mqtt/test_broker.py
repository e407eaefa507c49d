"""Events and states at Debian's mosquitto, over TLS and with a password, read by a client that is not ours."""

import json

from devicemgr.domain.model import Direction, PortalMode
from devicemgr.outlets.runner import try_out
from devicemgr.site.areas import zones
from devicemgr.site.outlets import changes
from devicemgr.site.outlets.fields import checked_fields, fields_of
from devicemgr.site.unit_of_work import unit_of_work
from devicemgr.store.outlets import rows
from devicemgr.store.site import devices as device_store
from devicemgr.store.tables import PortalRow
from tests.support.mqtt import Broker
from tests.support.webhook_receiver import wait_until


def test_states_are_shown_follow_and_are_taken_back(daemon, broker, watcher, add_outlet, base, site):
    add_outlet(broker)
    watcher.wait(lambda: watcher.kept.get(base("available")) == b"online", "that it is available")
    lobby = watcher.json(base("portal/lobby/state"))
    assert (lobby["state"], lobby["mode"], lobby["alarms"]) == ("idle", "normal", [])
    assert lobby["since"].endswith("Z")
    assert watcher.json(base("device/arm"))["health"] == "online"
    order = [topic for topic, _, retain in watcher.messages if retain]
    assert order.index(base("portal/lobby/state")) < order.index(base("available"))
    daemon.set_portal_mode("lobby", PortalMode.LOCKED, "uid:0")
    watcher.wait(lambda: watcher.json(base("portal/lobby/state"))["effective_mode"] == "locked", "the new mode")
    with unit_of_work(site, "uid:0") as work:
        zones.add_zone(work, "hall", zones.ZoneFields(max=7))
    watcher.wait(lambda: watcher.json(base("zone/hall")) == {"count": 0, "max": 7, "unsure": False}, "a new zone")
    with unit_of_work(site, "uid:0") as work:
        zones.remove_zone(work, "hall")
    watcher.wait(lambda: base("zone/hall") not in watcher.kept, "that a zone is gone")
    with unit_of_work(site, "uid:0") as work:
        changes.remove_outlet(work, "hall")
    watcher.wait(lambda: watcher.kept == {}, "that nothing is left")


def test_events_come_in_order_with_their_seq_and_are_not_kept(daemon, broker, watcher, add_outlet, base, figures):
    add_outlet(broker, kinds=["admin.portal_open", "portal_unlocked"])
    watcher.wait(lambda: watcher.kept.get(base("available")) == b"online", "that it is available")
    for _ in range(30):
        daemon.open_portal("lobby", Direction.ENTRY, "uid:0")
    watcher.wait(lambda: len(watcher.events()) >= 60, "all events")
    found = watcher.events()
    assert [event["seq"] for event in found] == sorted({event["seq"] for event in found})
    assert {event["kind"] for event in found} == {"admin.portal_open", "portal_unlocked"}
    assert [topic for topic in watcher.kept if "/event/" in topic] == []
    topic, payload, _ = next(one for one in watcher.messages if "/event/" in one[0])
    assert topic == base(f"event/{json.loads(payload)['kind']}")
    wait_until(lambda: figures()["cursor"] >= found[-1]["seq"], "the cursor")


def test_events_that_no_one_reads_are_taken(daemon, broker, add_outlet, figures):
    """The broker acknowledges them with "no matching subscribers", which is no failure."""
    add_outlet(broker, kinds=["admin.portal_open"])
    answer = daemon.open_portal("lobby", Direction.ENTRY, "uid:0")
    assert answer["outcome"] == "confirmed"
    wait_until(lambda: figures().get("cursor", 0) >= 2 and "error" not in figures()["state"], "the cursor")


def test_a_daemon_that_is_cut_off_is_not_available(daemon, broker, watcher, add_outlet, base):
    add_outlet(broker)
    watcher.wait(lambda: watcher.kept.get(base("available")) == b"online", "that it is available")
    standing = daemon._outlets._running["hall"]._sender._link.require_up()
    standing._client.cut()
    watcher.wait(lambda: (base("available"), b"offline", True) in watcher.messages, "the will")
    watcher.wait(lambda: watcher.kept[base("available")] == b"online", "its return")
    wait_until(lambda: daemon._outlets._running["hall"]._sender._link._session not in (None, standing), "another one")


def test_what_was_removed_while_no_daemon_ran_goes(daemon, broker, watcher, add_outlet, base, site):
    add_outlet(broker)
    for rest in ("portal/old/state", "zone/old", "device/old", "alarm/tamper-old"):
        watcher.publish(base(rest), '{"left": true}', retain=True)
    watcher.wait(lambda: watcher.kept.get(base("available")) == b"online", "that it is available")
    watcher.wait(lambda: not any("old" in topic for topic in watcher.kept), "that old states go")


def test_an_alarm_is_kept_while_it_is_on(daemon, broker, watcher, add_outlet, base, catalog):
    add_outlet(broker)
    watcher.wait(lambda: watcher.kept.get(base("available")) == b"online", "that it is available")
    catalog.gate.poll_error = OSError("cut")
    found = watcher.wait(lambda: watcher.json(base("alarm/device_offline-arm")), "the alarm")
    assert (found["kind"], found["subject"], found["acknowledged"]) == ("device_offline", "arm", False)
    assert "cause" not in found
    watcher.wait(lambda: "device_offline" in watcher.json(base("portal/lobby/state"))["alarms"], "it at the portal")
    catalog.gate.poll_error = None
    watcher.wait(lambda: base("alarm/device_offline-arm") not in watcher.kept, "its end")
    watcher.wait(lambda: watcher.json(base("portal/lobby/state"))["alarms"] == [], "its end at the portal")


def test_an_outlet_for_some_portals_shows_these_alone(daemon, broker, watcher, add_outlet, base, site):
    with site.database.write() as session:
        gate = device_store.device(session, "arm")
        more = {"channel": 2, "fail": "secure", "release_seconds": 5.0, "mode": "normal"}
        session.add(PortalRow(name="vault", gate_id=gate.id, **more))
    add_outlet(broker, portals=["lobby"], discovery=True)
    watcher.wait(lambda: watcher.kept.get(base("available")) == b"online", "that it is available")
    states = {topic.removeprefix(base("")) for topic in watcher.kept if topic.startswith("devicemgr/")}
    assert states == {"available", "portal/lobby/state"}
    (config,) = [topic for topic in watcher.kept if topic.startswith("homeassistant/")]
    assert "vault" not in watcher.kept[config].decode()


def test_a_test_message_leaves_beside_the_standing_connection(daemon, broker, watcher, add_outlet, base, site):
    add_outlet(broker)
    watcher.wait(lambda: watcher.kept.get(base("available")) == b"online", "that it is available")
    assert try_out(site, "hall").cause is None
    watcher.wait(lambda: any(topic == base("test") for topic, _, _ in watcher.messages), "the test")
    assert (base("available"), b"offline", True) not in watcher.messages


def test_a_wrong_password_is_said_and_not_shown(daemon, broker, add_outlet, figures, site, caplog):
    add_outlet(broker)
    with unit_of_work(site, "uid:0") as work:
        changes.set_secret(work, "hall", "another password", keeps_last=False)
    why = wait_until(lambda: figures()["state"].get("error"), "a failure")
    assert why == "localhost refuses the connection: Not authorized; check user and password"
    assert "another password" not in caplog.text
    with unit_of_work(site, "uid:0") as work:
        changes.set_secret(work, "hall", "a broker's password", keeps_last=False)
    wait_until(lambda: figures().get("cursor") and "error" not in figures()["state"], "that it is well again")


def test_a_topic_that_the_broker_does_not_allow_is_refused(daemon, tmp_path, add_outlet, figures, site, base):
    acl = tmp_path / "acl"
    acl.write_text("topic readwrite devicemgr/#\ntopic deny devicemgr/+/event/admin.portal_open\n")
    acl.chmod(0o600)
    broker = Broker(tmp_path / "strict", more=f"acl_file {acl}")
    try:
        add_outlet(broker, kinds=["admin.portal_open"])
        wait_until(lambda: figures().get("cursor"), "that it runs")
        daemon.open_portal("lobby", Direction.ENTRY, "uid:0")
        why = wait_until(lambda: figures()["state"].get("error"), "a refusal")
        assert "refuses a message for" in why
        assert "Not authorized" in why
    finally:
        broker.close()


def test_discovery_is_taken_back_when_it_is_switched_off(daemon, broker, watcher, add_outlet, base, site):
    add_outlet(broker, discovery=True)
    watcher.wait(lambda: watcher.kept.get(base("available")) == b"online", "that it is available")
    (config,) = [topic for topic in watcher.kept if topic.startswith("homeassistant/")]
    assert config == f"homeassistant/device/{base('').strip('/').replace('/', '_')}/config"
    assert "broker's password" not in watcher.kept[config].decode()
    with unit_of_work(site, "uid:0") as work:
        zones.add_zone(work, "hall", zones.ZoneFields())
    watcher.wait(lambda: "zone_hall_count" in watcher.json(config)["components"], "a new zone")
    with unit_of_work(site, "uid:0") as work:
        zones.remove_zone(work, "hall")
    watcher.wait(lambda: "zone_hall_count" not in watcher.json(config)["components"], "that it is gone")
    sent = [json.loads(payload) for topic, payload, _ in watcher.messages if topic == config and payload]
    assert sent[-2]["components"]["zone_hall_count"] == {"platform": "sensor"}, "removed as Home Assistant wants it"
    with unit_of_work(site, "uid:0") as work:
        fields = fields_of(rows.outlet(work.session, "hall")).stated() | {"discovery": False}
        changes.put_outlet(work, "hall", checked_fields(fields))
    watcher.wait(lambda: config not in watcher.kept, "that the configuration is gone")
