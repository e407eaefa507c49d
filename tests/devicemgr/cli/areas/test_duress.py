"""`pin set --duress` as an admin types it, and where doctor says that there is no duress signal."""

import pytest
from argon2 import PasswordHasher


@pytest.fixture
def anna(home, done, monkeypatch):
    """Anna with a PIN; hashes are quick, since setting a second PIN takes many."""
    monkeypatch.setattr("devicemgr.access.evidence.pins._HASHER", PasswordHasher(1, 8, 1))
    for name, pin in (("PIN", "4711"), ("CLOSE", "4712"), ("OTHER", "8352")):
        monkeypatch.setenv(name, pin)
    done("person", "add", "Anna", "--badge", "7")
    done("pin", "set", "7", "--pin-env", "PIN")


@pytest.mark.usefixtures("anna")
def test_a_duress_pin_is_set_beside_the_pin_and_shows_nowhere(cli, done):
    before = cli("person", "show", "7").out
    refused = cli("pin", "set", "7", "--duress", "--pin-env", "CLOSE")
    assert (refused.code, "change two places or more" in refused.err) == (1, True)
    assert cli("pin", "set", "7", "--duress", "--pin-env", "OTHER").out == "7 has a duress PIN\n"
    assert cli("person", "show", "7").out == before
    assert (
        done("pin", "remove", "7", "--duress") == done("pin", "remove", "7", "--duress") == {"badge": "7", "pin": True}
    )
    assert cli("pin", "remove", "7").out == "Anna (badge 7) has no PIN\n"


def test_without_a_pin_there_is_no_duress_pin(home, cli, done, monkeypatch):
    monkeypatch.setenv("OTHER", "8352")
    done("person", "add", "Anna", "--badge", "7")
    refused = cli("pin", "set", "7", "--duress", "--pin-env", "OTHER")
    assert (refused.code, "has no PIN yet; set it first" in refused.err) == (1, True)


def test_doctor_names_portals_that_take_a_face_alone(home, cli, done):
    done("device", "add", "gate-1", "--driver", "fake_gate", "--address", "/dev/gate")
    for channel, (name, require) in enumerate((("main", "any"), ("lab", "card+pin")), 1):
        done("portal", "add", name, "--gate", f"gate-1:{channel}", "--require", require)

    def said():
        return next(one for one in cli("doctor", "--json").json["checks"] if one["check"] == "duress")

    assert (said()["ok"], said()["detail"]) == (True, "portals that take a face alone have no duress signal: main")
    done("portal", "remove", "main", "--yes")
    assert said()["detail"] == "no portal takes a face alone"
