import json
import logging
import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from enrollment.models import backend, convert, model_cache, native
from enrollment.models.backend import build_network

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def folder(encoder, cache, tmp_path, monkeypatch):
    """A copy of the cache, to be spoilt, that is the cache of this process and of those it starts."""
    assert encoder.runs_on == "onnxruntime"
    found = tmp_path / "cache"
    found.mkdir(mode=0o700)
    for file in cache.glob("dlib-*"):
        shutil.copy2(file, found)
    monkeypatch.setenv("DEVICEMGR_CACHE", str(found))
    return found


@pytest.fixture
def graph(folder):
    return model_cache.graph_path(folder, model_cache.weights_hash())


@pytest.fixture
def record(graph):
    return graph.with_suffix(".json")


@pytest.fixture
def no_conversion(monkeypatch):
    """The conversion fails, as on a full disk; how often it was tried."""
    tried = []

    def fail():
        tried.append(True)
        return "no room"

    monkeypatch.setattr(backend, "_convert", fail)
    return tried


def change(record, **values):
    record.write_text(json.dumps(json.loads(record.read_text()) | values))


def run(code, **environment):
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        cwd=ROOT,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


LOADED = (
    "print(sorted({'face_recognition', 'face_recognition_models', 'onnx', 'dlib', 'onnxruntime'} & set(sys.modules)))"
)


def test_it_is_private_and_says_what_it_was_verified_with(folder, graph, record):
    assert {path.suffix for path in folder.iterdir()} == {".onnx", ".json"}
    for path in (graph, record):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    said = json.loads(record.read_text())
    assert 0 <= said["difference"] <= model_cache.TOLERANCE
    assert said["setting"].startswith("onnxruntime 1.")
    assert model_cache.digest(graph.read_bytes()) == said["graph"]
    assert graph.stat().st_size > 20_000_000


def flip_a_byte(graph, record):
    data = bytearray(graph.read_bytes())
    data[len(data) // 2] ^= 1
    graph.write_bytes(data)


def rewrite_weights_and_hash(graph, record):
    """What a tamperer would do: the answers must tell."""
    data = bytearray(graph.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 40_000] = bytes(40_000)
    graph.write_bytes(data)
    change(record, graph=model_cache.digest(bytes(data)))


def no_graph_at_all(graph, record):
    graph.write_bytes(b"no graph")
    change(record, graph=model_cache.digest(b"no graph"))


def link(graph, record):
    elsewhere = graph.with_name("elsewhere")
    graph.rename(elsewhere)
    graph.symlink_to(elsewhere)


SPOILT = {
    "a flipped bit": flip_a_byte,
    "other weights, hash adjusted": rewrite_weights_and_hash,
    "no graph, hash adjusted": no_graph_at_all,
    "cut short": lambda graph, record: os.truncate(graph, 1000),
    "empty": lambda graph, record: os.truncate(graph, 0),
    "gone": lambda graph, record: graph.unlink(),
    "too large": lambda graph, record: os.truncate(graph, 1 << 30),
    "a link": link,
    "a pipe": lambda graph, record: (graph.unlink(), os.mkfifo(graph, 0o600)),
    "readable to others": lambda graph, record: graph.chmod(0o644),
    "record gone": lambda graph, record: record.unlink(),
    "record no JSON": lambda graph, record: record.write_bytes(b"\xff{"),
    "record nested deep": lambda graph, record: record.write_text("[" * 200_000),
    "record a list": lambda graph, record: record.write_text("[]"),
    "record with a field too many": lambda graph, record: change(record, more=1),
    "record of another onnxruntime": lambda graph, record: change(record, setting="onnxruntime 0.1"),
    "record of other weights": lambda graph, record: change(record, weights="0" * 64),
    "record without answers": lambda graph, record: change(record, answers=[]),
    "record with answers that are none": lambda graph, record: change(record, answers=[[float("nan")] * 128] * 3),
    "record with other answers": lambda graph, record: change(record, answers=[[0.1] * 128] * 3),
}


@pytest.mark.parametrize("spoil", SPOILT.values(), ids=SPOILT)
def test_what_is_spoilt_is_not_believed(folder, graph, record, spoil):
    assert model_cache.load(folder)
    spoil(graph, record)
    with pytest.raises(model_cache.Unusable) as why:
        model_cache.load(folder)
    assert "\n" not in str(why.value)


def test_what_is_spoilt_is_converted_again(folder, graph, record):
    rewrite_weights_and_hash(graph, record)
    assert build_network().name == "onnxruntime"
    assert model_cache.load(folder)


def test_when_that_fails_dlib_itself_does_it_and_the_log_says_so_once(
    folder, graph, record, no_conversion, caplog, encoder, chips
):
    graph.unlink()
    with caplog.at_level(logging.WARNING, "enrollment"):
        network = build_network()
    assert no_conversion == [True]
    assert network.name == "dlib"
    (line,) = caplog.messages
    assert "dlib itself" in line
    assert "no room" in line
    assert "\n" not in line
    assert network.describe(chips[:2]).shape == (2, 128)


def test_a_conversion_that_fails_tells_its_last_line(monkeypatch, tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("")
    monkeypatch.setenv("DEVICEMGR_CACHE", str(blocked))
    assert "not converted" in backend._convert()
    monkeypatch.setattr(backend, "CONVERT_S", 0.01)
    assert "TimeoutExpired" in backend._convert()
    monkeypatch.setattr(backend.sys, "executable", str(tmp_path / "none"))
    assert "FileNotFoundError" in backend._convert()


def test_a_graph_that_differs_from_dlib_is_never_stored(tmp_path, monkeypatch, capsys):
    answers = convert.ReferenceNetwork.describe
    monkeypatch.setattr(convert.ReferenceNetwork, "describe", lambda self, chips: answers(self, chips) + 2e-5)
    monkeypatch.setenv("DEVICEMGR_CACHE", str(tmp_path))
    assert convert.main() == 1
    assert "differs from dlib by 2e-05" in capsys.readouterr().err
    assert list(tmp_path.glob("dlib-*")) == []


def test_damaged_weights_are_one_line(tmp_path, monkeypatch, capsys):
    damaged = tmp_path / "weights.dat"
    damaged.write_bytes(native.model_file(native.NETWORK).read_bytes()[:1_000_000])
    monkeypatch.setattr(native, "model_file", lambda name: damaged)
    monkeypatch.setenv("DEVICEMGR_CACHE", str(tmp_path / "cache"))
    assert convert.main() == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert "dlib's face network is damaged" in line


def test_two_first_starts_at_once_both_get_it(tmp_path):
    command = [sys.executable, "-W", "error", "-m", "enrollment.models.convert"]
    environment = os.environ | {"DEVICEMGR_CACHE": str(tmp_path / "new")}
    both = [subprocess.Popen(command, cwd=ROOT, env=environment, stdout=-1, stderr=-1, text=True) for _ in range(2)]
    said = [process.communicate(timeout=60) for process in both]
    assert [process.returncode for process in both] == [0, 0], said
    assert sum("converted, at most" in out for out, _ in said) == 1
    assert sum("converted already" in out for out, _ in said) == 1
    assert model_cache.load(tmp_path / "new")
    assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o700


def test_writers_that_do_not_wait_leave_a_whole_file(folder, graph, record):
    """Without the lock, as over a network file system: each replaces the whole of it."""
    data, said = graph.read_bytes(), model_cache.Record(**json.loads(record.read_text()))
    kept = os.open(graph, os.O_RDONLY)
    try:
        model_cache.store(folder, data, said)
        assert os.fstat(kept).st_nlink == 0
        assert os.fstat(kept).st_size == len(data)
    finally:
        os.close(kept)
    assert model_cache.load(folder)
    assert len(list(folder.iterdir())) == 2


def test_a_write_that_fails_leaves_nothing(folder, graph, record, monkeypatch):
    said = model_cache.Record(**json.loads(record.read_text()))

    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(model_cache.os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        model_cache.store(folder, b"new", said)
    assert len(list(folder.iterdir())) == 2
    assert model_cache.load(folder)


def test_a_normal_start_loads_neither_face_recognition_nor_onnx(folder):
    code = "import sys; from enrollment.models.encoder import build_encoder as build; e = build();"
    code += " print(e.model, e.runs_on);"
    done = run(code + LOADED)
    assert done.stderr == ""
    assert done.stdout.splitlines() == ["dlib-resnet-v1+flip onnxruntime", "['dlib', 'onnxruntime']"]


def test_the_daemon_loads_no_native_face_code(folder):
    assert run("import sys, enrollment.workers.service, enrollment.matching.gallery;" + LOADED).stdout == "[]\n"


def test_a_first_start_converts_in_a_process_of_its_own(tmp_path):
    code = "import sys; from enrollment.models.encoder import build_encoder; print(build_encoder().runs_on);"
    done = run(code + LOADED, DEVICEMGR_CACHE=str(tmp_path / "new"))
    assert (done.stdout, done.stderr) == ("onnxruntime\n['dlib', 'onnxruntime']\n", "")


def test_the_cache_is_where_it_was_said(monkeypatch, tmp_path):
    monkeypatch.setenv("DEVICEMGR_CACHE", str(tmp_path / "chosen"))
    assert model_cache.cache_folder() == tmp_path / "chosen"
    monkeypatch.delenv("DEVICEMGR_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "user"))
    monkeypatch.setenv("DEVICEMGR_HOME", str(tmp_path / "home"))
    assert model_cache.cache_folder() == tmp_path / "user" / "devicemgr"
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    assert model_cache.cache_folder() == tmp_path / "home" / "cache"
    monkeypatch.delenv("DEVICEMGR_HOME")
    assert model_cache.cache_folder() == tmp_path / "file" / "devicemgr"


def test_nothing_of_a_face_is_in_the_record(record):
    answers = np.array(json.loads(record.read_text())["answers"])
    assert answers.shape == (len(model_cache.reference_chips()), 128)
