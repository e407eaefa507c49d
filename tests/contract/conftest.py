"""Which kinds the contract runs on: those of this product, or the one that --driver names; and their peers."""

from importlib import metadata

import pytest

from drivers import Catalog
from tests.contract.peers import PEERS

# The entry point by which a package of another maker supplies a peer for its kind (docs/driver-guide.md).
GROUP = "devicemgr.contract_peers"
OF_EVERY_KIND = ("test_driver", "test_rules")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "kind" not in metafunc.fixturenames or not metafunc.module.__name__.endswith(OF_EVERY_KIND):
        return
    named = metafunc.config.getoption("--driver")
    kinds = [named] if named else Catalog().kinds()
    if "peer_class" not in metafunc.fixturenames:
        metafunc.parametrize("kind", kinds)
        return
    pairs = [(kind, peer) for kind in kinds for peer in _peers_of(kind) or [None]]
    names = [kind if peer is None else f"{kind}-{getattr(peer, '__name__', 'peer')}" for kind, peer in pairs]
    metafunc.parametrize(("kind", "peer_class"), pairs, ids=names)


def _peers_of(kind):
    if kind in PEERS:
        return PEERS[kind]
    return [found.load() for found in metadata.entry_points(group=GROUP, name=kind)]


@pytest.fixture
def peer(kind, peer_class, request):
    """A running peer of `kind`; a kind of this product without one fails, another maker's is skipped."""
    if peer_class is None and request.config.getoption("--driver"):
        pytest.skip(f"{kind} comes without a peer (entry point {GROUP}), so that its rules are not tried")
    assert peer_class is not None, f"{kind} has no peer in tests/contract/peers"
    running = peer_class()
    yield running
    running.close()


@pytest.fixture
def peer_for(peer):
    """peer_for(rule) is the peer, if it can break that rule; else the test is skipped with its reason."""

    def give(rule):
        if rule in peer.without:
            pytest.skip(peer.without[rule])
        return peer

    return give
