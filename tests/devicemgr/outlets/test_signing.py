"""Signatures by Ed25519, verified by the text of Standard Webhooks 1.0: its library for Python has none."""

import base64

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from devicemgr.errors import InvalidInput
from devicemgr.site.outlets import changes, signing
from devicemgr.site.unit_of_work import unit_of_work
from tests.support.outlets import SECRET
from tests.support.webhook_receiver import Receiver, wait_until


def verified(public, headers, body):
    """Return True if one of the signatures of version v1a is this key's over id, time and body."""
    key = Ed25519PublicKey.from_public_bytes(base64.b64decode(public.removeprefix("whpk_"), validate=True))
    content = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    for one in headers["webhook-signature"].split(" "):
        version, _, signature = one.partition(",")
        try:
            if version == "v1a" and key.verify(base64.b64decode(signature, validate=True), content) is None:
                return True
        except InvalidSignature:
            continue
    return False


def test_one_key_takes_the_place_of_a_secret_without_losing_an_event(add_outlet, record, running, site):
    receiver = Receiver(SECRET)
    try:
        add_outlet(receiver.url, kinds=["rex_pressed"])
        with unit_of_work(site, "uid:0") as work:
            private = changes.set_secret(work, "hr", None, keeps_last=True, is_asymmetric=True)
        public = signing.public_key_of(private)
        running.consider()
        record(1)
        receiver.wait(lambda: len(receiver.taken) == 1, "an event that both sign: the library takes it by the secret")
        headers, body = receiver.sent[-1]
        assert verified(public, headers, body)
        assert not verified(public, headers, body.replace(b"lobby", b"vault"))
        assert not verified(public, headers | {"webhook-timestamp": "1"}, body)
        assert not verified(public, headers | {"webhook-id": "another"}, body)
        assert not verified(signing.public_key_of(signing.made(is_asymmetric=True)), headers, body)
        with unit_of_work(site, "uid:0") as work:
            changes.set_secret(work, "hr", private, keeps_last=False)
        running.consider()
        record(1)
        headers, body = wait_until(lambda: len(receiver.sent) > 1 and receiver.sent[-1], "an event")
        assert headers["webhook-signature"].startswith("v1a,")
        assert " " not in headers["webhook-signature"]
        assert verified(public, headers, body)
    finally:
        receiver.close()


@pytest.mark.parametrize("length", [32, 64])
def test_a_private_key_of_another_program_is_taken(length):
    key = Ed25519PrivateKey.generate()
    raw = key.private_bytes_raw() + key.public_key().public_bytes_raw()
    text = "whsk_" + base64.b64encode(raw[:length]).decode()
    assert signing.public_key_of(text) == "whpk_" + base64.b64encode(raw[32:]).decode()


@pytest.mark.parametrize(
    "text",
    [
        "whsk_",
        "whsk_AAAA",
        "whsk_" + base64.b64encode(bytes(64)).decode(),
        "whpk_" + base64.b64encode(bytes(32)).decode(),
        "whsk_" + base64.b64encode(bytes(33)).decode(),
        "nonsense!",
    ],
)
def test_what_is_no_key_is_refused(text):
    with pytest.raises(InvalidInput):
        signing.signer_of(text)
