"""Pull points of devices that do less than the document: no address, no synchronization, pulls that end early."""

import socket
import time

import pytest

from devicemgr.domain.device_events import FireRelease
from drivers.common.onvif.services.pull_point import EventPump, Timing
from tests.support.onvif_peer import envelope, notification

FIRE = notification("tns1:Device/Trigger/DigitalInput", "InputToken=1", "LogicalState=true")


def hang_up(handler, body):
    handler.connection.shutdown(socket.SHUT_RDWR)
    handler.close_connection = True


ADDRESSES = {
    "none": "",
    "empty": "<tev:SubscriptionReference/>",
    "blank": "<tev:SubscriptionReference><wsa:Address> </wsa:Address></tev:SubscriptionReference>",
}


@pytest.mark.parametrize("reference", ADDRESSES.values(), ids=ADDRESSES)
def test_a_subscription_without_an_address_is_pulled_where_it_was_made(
    peer, connect, listening, facts_until, reference
):
    peer.answers["CreatePullPointSubscription"] = envelope(
        f"<tev:CreatePullPointSubscriptionResponse>{reference}</tev:CreatePullPointSubscriptionResponse>"
    )
    camera = connect(peer, fire_input="1")
    camera.open()
    listening(camera)
    peer.notify(FIRE)
    assert facts_until(camera, 1) == [FireRelease(True)]


@pytest.mark.parametrize(
    "answer",
    [hang_up, lambda handler, body: handler.reply(400, b""), lambda handler, body: handler.reply(200, b"no")],
    ids=["hang-up", "400", "garbled"],
)
def test_a_synchronization_that_fails_does_not_stop_the_events(peer, connect, listening, facts_until, answer):
    peer.answers["SetSynchronizationPoint"] = answer
    camera = connect(peer, fire_input="1")
    camera.open()
    listening(camera)
    peer.notify(FIRE)
    assert facts_until(camera, 1) == [FireRelease(True)]
    assert camera._session.pump.subscriptions == 1


def test_pulls_that_a_device_ends_early_become_shorter(peer, connect, listening, wait_until, monkeypatch):
    """A Tapo C220 hangs up after 10 s (agsh/onvif, pull request 314); here after 2.5 s of pulls of 6 s."""
    monkeypatch.setattr(EventPump.__init__, "__defaults__", (Timing(pull=6.0, answer=6.0, pauses=(0.05,)),))
    allowed_s = 2.5

    def pull(handler, body):
        wanted_s = float(body.split("Timeout>PT", 1)[1].split("S", 1)[0])
        time.sleep(min(wanted_s, allowed_s))
        if wanted_s > allowed_s:
            hang_up(handler, body)
        else:
            handler.reply(200, envelope("<tev:PullMessagesResponse/>"))

    peer.answers["PullMessages"] = pull
    camera = connect(peer, rex_input="1")
    camera.open()
    wait_until(lambda: camera._session.pump.subscriptions == 2)
    wait_until(lambda: camera._session.pump.trouble is None)
    before = len(peer.requests)
    wait_until(lambda: peer.operations()[before:].count("PullMessages") >= 2)
    assert camera._session.pump.subscriptions == 2
    assert camera._session.pump.trouble is None
