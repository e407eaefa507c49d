"""Addresses that a URL from outside may lead to."""

import pytest

from devicemgr.domain.rules.outgoing.addresses import NEVER, PRIVATE, why_not_call

EMBEDDINGS = [
    "::ffff:{a}.{b}.{c}.{d}",
    "::{a}.{b}.{c}.{d}",
    "2002:{ab:04x}:{cd:04x}::1",
    "64:ff9b::{a}.{b}.{c}.{d}",
    "64:ff9b:1::{a}.{b}.{c}.{d}",
    "2001:0:{ab:04x}:{cd:04x}::1",
]


def embedded(form: str, address: str) -> str:
    a, b, c, d = map(int, address.split("."))
    return form.format(a=a, b=b, c=c, d=d, ab=a << 8 | b, cd=c << 8 | d)


@pytest.mark.parametrize("allow_private", [False, True])
@pytest.mark.parametrize(
    "address",
    [
        "169.254.169.254",
        "169.254.0.1",
        "fe80::1",
        "fe80::1%eth0",
        "febf::1",
        "0.0.0.0",
        "0.1.2.3",
        "::",
        "224.0.0.251",
        "255.255.255.255",
        "240.0.0.1",
        "ff02::fb",
        "fd00:ec2::254",
        "100.100.100.200",
        "168.63.129.16",
        *(embedded(form, "169.254.169.254") for form in EMBEDDINGS),
        "64:ff9b:1:a9fe:a9:fe00::",
        "64:ff9b:1::8.8.8.8",
    ],
)
def test_link_and_metadata_are_never_called(address: str, allow_private: bool) -> None:
    assert why_not_call(address, allow_private=allow_private) == NEVER


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "127.8.9.1",
        "::1",
        "10.0.0.1",
        "172.16.5.4",
        "192.168.1.1",
        "100.64.0.1",
        "198.18.0.1",
        "fc00::1",
        "fd12:3456::1",
        "fec0::1",
        "::ffff:127.0.0.1",
        "::ffff:10.0.0.1",
        "2002:7f00:1::1",
        "2002:c0a8:101::1",
        "64:ff9b::192.168.1.1",
    ],
)
def test_this_computer_and_its_network_are_for_the_owner_to_allow(address: str) -> None:
    assert why_not_call(address, allow_private=False) == PRIVATE
    assert why_not_call(address, allow_private=True) is None


@pytest.mark.parametrize(
    "address", ["93.184.215.14", "2606:2800:21f:cb07::1", "::ffff:93.184.215.14", "2002:5db8:d70e::1"]
)
def test_public_addresses_are_called(address: str) -> None:
    assert why_not_call(address, allow_private=False) is None
