"""To another face model and back: from kept photos, resumable, the old one deciding until the switch."""

import dataclasses
import signal
import sqlite3
import subprocess
import sys
import zlib
from pathlib import Path

import numpy as np
import pytest

from devicemgr.domain.face_model import FaceModel
from devicemgr.errors import InvalidInput
from devicemgr.people import model_migration
from devicemgr.site import site as sites
from devicemgr.store.people import face_models
from enrollment.matching.calibration import calibrate
from enrollment.models.encoder import MODEL
from enrollment.workers.service import FaceService

DIMENSION = 64


class OwnAnalyzer:
    """The fake analyzer's photos in another model's space; a face named `spoilt` can't be embedded."""

    def __init__(self, fake, own):
        self._fake, self.model = fake, own.template_name

    def analyze(self, photo, *, keep=False):
        found = self._fake.analyze(photo, keep=keep)
        return found if found.embedding is None else dataclasses.replace(found, embedding=self._vector(photo))

    def embed(self, crop):
        photo = crop.jpeg.removeprefix(b"crop:")
        return None if b"spoilt" in photo else self._vector(photo)

    def _vector(self, photo):
        who, _, number = photo.decode().removeprefix("face:").partition(":")
        vector = noise(who) + 0.1 * noise(f"{who}|{number}")
        return (vector / np.linalg.norm(vector)).astype(np.float32)


def noise(text):
    return np.random.default_rng(zlib.crc32(b"own|" + text.encode())).normal(size=DIMENSION)


class ProvingService(FaceService):
    """A desk that takes each description as proven, unless its path says that it is bad."""

    def prove(self, own):
        if "bad" in own.path:
            raise InvalidInput(f"face model {own.name} can't be used: it gives no numbers")
        return own.model_copy(update={"sha256": f"{zlib.crc32(own.path.encode()):064x}"})


@pytest.fixture
def parts(parts):
    fake = parts.faces._analyzer
    desk = ProvingService(fake, None, lambda own: OwnAnalyzer(fake, own))
    return dataclasses.replace(parts, faces=desk, calibrate=calibrate, own_encoder="own:build")


@pytest.fixture
def settle(home, tmp_path, agreed):
    """settle(threshold=0.5) describes the model `mine` and keeps samples."""

    def apply(keep=True, path="/srv/mine.onnx", **more):
        lines = [f"{name} = {value}" for name, value in more.items()]
        model = f'[model]\nname = "mine"\npath = "{path}"\ndimension = {DIMENSION}\n' + "\n".join(lines)
        (tmp_path / "site.toml").write_text(f"[site]\nkeep_samples = {str(keep).lower()}\n{model}\n")
        return agreed("apply", tmp_path / "site.toml")

    return apply


@pytest.fixture
def enroll(done, photo):
    def run(badge, who=None, number=1):
        if badge not in [person["badge"] for person in done("person", "list")]:
            done("person", "add", "Somebody", "--badge", badge)
        who = who or f"who{badge}"
        return done("enroll", "photo", badge, photo(f"{who}{number}.jpg", f"face:{who}:{number}"), "--consent", "form")

    return run


def model_of(cli):
    return cli("status", "--json").json["gallery"]["model"]


def identified(done, photo, who):
    return done("enroll", "identify", photo("at-gate.jpg", f"face:{who}:9"))["badge"]


def templates(home):
    with sqlite3.connect(home.database) as raw:
        found = dict(raw.execute("select model, count(*) from templates group by model").fetchall())
    raw.close()
    return found


def test_the_whole_way_there_and_back(settle, enroll, done, cli, photo, home):
    settle(threshold=0.5)
    for badge in "123":
        enroll(badge)
    enroll("1", number=2)
    assert model_of(cli) == MODEL
    found = done("enroll", "migrate", "--model", "mine")
    assert (found["state"], found["before"], found["target"]) == ("idle", [MODEL], None)
    assert found["active"].startswith("mine@")
    assert model_of(cli) == found["active"]
    assert cli("status", "--json").json["gallery"] | {"model": ""} == {
        "people": 3,
        "templates": 4,
        "model": "",
        "threshold": 0.5,
    }
    assert identified(done, photo, "who2") == "2"
    assert {person["badge"]: person["templates"] for person in done("person", "list")} == {"1": 2, "2": 1, "3": 1}
    enroll("4")
    assert identified(done, photo, "who4") == "4"
    back = done("enroll", "migrate", "--back")
    assert (back["active"], back["before"]) == (MODEL, [found["active"]])
    assert identified(done, photo, "who4") == "4", "embedded for the old model from the kept photo"
    assert done("enroll", "migrate", "--back")["active"] == found["active"]
    kinds = [event["kind"] for event in cli("events", "--json").lines if "model" in event["kind"]]
    assert kinds == ["admin.model_migration_started", "admin.model_switched"] * 3
    assert templates(home)[MODEL] == 5
    forgotten = done("enroll", "migrate", "--forget", "--yes")
    assert (forgotten["templates_erased"], forgotten["before"]) == (5, [])
    assert templates(home) == {found["active"]: 5}
    assert "no other face model" in cli("enroll", "migrate", "--back").error


def test_people_without_a_kept_photo_are_named_and_the_switch_asks(settle, enroll, done, cli, photo):
    enroll("1")
    settle(threshold=0.5)
    enroll("2")
    ran = cli("enroll", "migrate", "--model", "mine", "--json")
    assert ran.code == 4
    assert (ran.json["state"], ran.json["needs_enrollment"]) == ("waiting", ["1"])
    assert (ran.json["people"], ran.json["done"]) == (2, 1)
    assert model_of(cli) == MODEL
    assert identified(done, photo, "who1") == "1", "the old model decides until then"
    told = cli("enroll", "migrate", "--status")
    assert (told.code, "must be enrolled again: 1" in told.err) == (4, True)
    assert done("enroll", "migrate", "--model", "mine", "--allow-missing")["state"] == "idle"
    assert identified(done, photo, "who1") is None
    enroll("1")
    assert identified(done, photo, "who1") == "1"


def test_it_goes_by_itself_once_the_last_one_is_enrolled_anew(settle, enroll, done, cli):
    enroll("1")
    settle(threshold=0.5)
    assert cli("enroll", "migrate", "--model", "mine").code == 4
    enroll("1")
    assert done("enroll", "migrate", "--model", "mine")["state"] == "idle"


def test_a_model_without_a_threshold_waits_and_lets_nobody_in(settle, enroll, done, cli):
    settle()
    enroll("1")
    ran = cli("enroll", "migrate", "--model", "mine", "--json")
    assert (ran.code, ran.json["state"]) == (4, "waiting")
    assert "no threshold" in ran.json["waits_for"]
    assert model_of(cli) == MODEL
    settle(threshold=0.4)
    assert "on its way" not in cli("enroll", "migrate", "--status").err
    assert done("enroll", "migrate", "--model", "mine")["state"] == "idle"


def test_enough_people_give_it_a_threshold(settle, enroll, done, cli, site, monkeypatch):
    monkeypatch.setattr("devicemgr.people.calibration.DEFAULT_FPIR", 0.1)
    settle()
    for badge in range(12):
        enroll(f"b{badge}")
    done("enroll", "migrate", "--model", "mine")
    status = cli("status", "--json").json["gallery"]
    assert 0.1 < status["threshold"] < 0.9
    assert status["people"] == 12


def test_given_up_before_the_switch(settle, enroll, done, cli, home):
    enroll("1")
    settle(threshold=0.5)
    enroll("2")
    assert cli("enroll", "migrate", "--model", "mine").code == 4
    assert done("enroll", "migrate", "--back")["state"] == "idle"
    assert templates(home) == {MODEL: 2}
    assert model_of(cli) == MODEL


def test_a_sample_that_can_not_be_embedded_counts_as_missing(settle, enroll, done, cli):
    settle(threshold=0.5)
    enroll("1")
    enroll("2", "spoilt")
    ran = cli("enroll", "migrate", "--model", "mine", "--json")
    assert (ran.json["state"], ran.json["needs_enrollment"]) == ("waiting", ["2"])


def test_whoever_withdraws_on_the_way_is_not_embedded(settle, enroll, done, site, home):
    settle(threshold=0.5)
    enroll("1")
    enroll("2")
    model_migration.start(site, "test", "mine", allow_missing=False)
    done("enroll", "withdraw", "2", "--yes")
    assert done("enroll", "migrate", "--model", "mine")["state"] == "idle"
    assert sum(templates(home).values()) == 2


def test_a_model_that_is_no_good_is_refused_and_the_old_one_stays(settle, enroll, done, cli, tmp_path):
    enroll("1")
    settle(threshold=0.5)
    (tmp_path / "bad.toml").write_text('[model]\nname = "worse"\npath = "/srv/bad.onnx"\ndimension = 64\n')
    assert "no numbers" in cli("apply", tmp_path / "bad.toml").error
    assert done("export")["model"]["name"] == "mine"
    assert "no face model 'worse'" in cli("enroll", "migrate", "--model", "worse").error
    assert "nothing is to be done" in cli("enroll", "migrate", "--model", "dlib").error
    assert cli("enroll", "migrate").code == cli("enroll", "migrate", "--back", "--status").code == 1
    assert model_of(cli) == MODEL


def test_the_description_is_exported_and_the_same_again(settle, cli, tmp_path):
    made = settle(threshold=0.5, margin=0.1, eyes="[38.3, 51.7, 73.5, 51.5]", channels='"bgr"')
    assert made["changes"][-1]["kind"] == "model"
    (tmp_path / "again.toml").write_text(cli("export").out)
    assert cli("apply", tmp_path / "again.toml", "--plan").code == 0
    swapped = cli("export").out.replace("/srv/mine.onnx", "/srv/other.onnx")
    (tmp_path / "again.toml").write_text(swapped)
    assert "another file" in cli("apply", tmp_path / "again.toml").error


def test_a_threshold_is_changed_without_embedding_anew(settle, enroll, done, cli):
    settle(threshold=0.5)
    enroll("1")
    done("enroll", "migrate", "--model", "mine")
    settle(threshold=0.7)
    assert cli("status", "--json").json["gallery"]["threshold"] == 0.7


def test_a_face_of_the_other_model_is_never_compared(settle, enroll, done, site):
    settle(threshold=0.5)
    enroll("1")
    old = [row for _, row in site.gallery.rows()] or [
        row for _, row in (site.gallery.refresh(), site.gallery.rows())[1]
    ]
    done("enroll", "migrate", "--model", "mine")
    gallery = site.gallery.refresh()
    assert gallery.stats().people == 1
    assert gallery.match(old[0]).person_id is None


KILLED = """
import sys, time
sys.path[:0] = {paths!r}
from pathlib import Path
from devicemgr.people import model_migration
from devicemgr.site import site as sites
from devicemgr.home import Home
from enrollment.matching.gallery import build_gallery
from tests.devicemgr.cli.people.test_model_migration import MODEL, OwnAnalyzer, ProvingService
from tests.conftest import FakeAnalyzer
fake = FakeAnalyzer()
class Slow(OwnAnalyzer):
    def embed(self, crop):
        time.sleep(0.02)
        return super().embed(crop)
desk = ProvingService(fake, None, lambda own: Slow(fake, own))
parts = sites.Parts(None, desk, build_gallery, MODEL, "x:y", "x:y")
site = sites.open_site(Home(Path({home!r})), parts)
while model_migration.work(site, most=2):
    print("batch", flush=True)
time.sleep(60)
"""


def test_it_goes_on_where_a_kill_stopped_it(settle, enroll, done, site, home):
    settle(threshold=0.5)
    for badge in range(10):
        enroll(f"b{badge}")
    model_migration.start(site, "test", "mine", allow_missing=False)
    root = Path(__file__).resolve().parents[4]
    code = KILLED.format(paths=[str(root), *sys.path], home=str(home.path))
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout.readline() == "batch\n"
        assert running.stdout.readline() == "batch\n"
        running.send_signal(signal.SIGKILL)
    with site.database.read() as session:
        name = face_models.load(session).move.model.template_name
        begun = face_models.count(session, name)
    assert 4 <= begun < 10
    assert done("enroll", "migrate", "--model", "mine")["state"] == "idle"
    assert templates(home) == {MODEL: 10, name: 10}


def test_the_running_daemon_does_it_in_the_background(settle, enroll, site):
    settle(threshold=0.5)
    enroll("1")
    carrier = model_migration.Migration(site)
    carrier.consider()
    model_migration.start(site, "test", "mine", allow_missing=False)
    carrier.consider()
    carrier._thread.join(20)
    assert site.gallery.current.stats().model.startswith("mine@")
    carrier.consider()
    carrier.stop(5)
    assert site.parts.encoder_of(site.gallery.own).startswith("own:build={")
    assert site.parts.encoder_of(None) == "none:none"


def test_what_is_spoilt_in_the_store_stops_rather_than_guesses(site, cli):
    with site.database.write() as session:
        sites.set_meta(session, "face_models", '{"active": 5}')
    ran = cli("person", "list")
    assert ran.code == 0
    assert "damaged" in cli("enroll", "migrate", "--status").error
    assert FaceModel(name="a", path="/a", dimension=64).template_name.startswith("a@")
