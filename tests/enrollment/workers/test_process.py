import io
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pillow_heif
import pytest

from devicemgr.domain.ports.recognition import Box, PhotoAnalysis
from devicemgr.errors import SystemFault
from enrollment.photos.image import MAX_BYTES
from enrollment.workers import messages
from enrollment.workers.process import ROOT, AnalyzerProcess

LONG = 60


def gone(pid, within=LONG):
    """Waits until no such process is left."""
    end = time.monotonic() + within
    while time.monotonic() < end:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.01)
    return False


def resident_kib(pid):
    """Memory of its own; the pages of files, which the system takes in and drops as it likes, leak nothing."""
    _, resident, shared, *_ = Path(f"/proc/{pid}/statm").read_text().split()
    return (int(resident) - int(shared)) * os.sysconf("SC_PAGE_SIZE") // 1024


def test_nothing_runs_before_the_first_photo_nor_after_close(process_of):
    process = process_of()
    assert process.processes() == []
    answer = process.analyze(b"photo")
    assert process.processes() == [answer.face_px]
    process.close()
    assert process.processes() == []
    assert gone(answer.face_px)
    assert process.analyze(b"again").reasons == ("no_face",)


def test_a_photo_that_kills_the_process_is_refused_and_the_next_one_is_not(process_of, caplog):
    process = process_of()
    first = process.analyze(b"photo").face_px
    assert process.analyze(b"crash").reasons == ("unreadable_image",)
    assert "ended with -6" in caplog.text
    second = process.analyze(b"photo")
    assert second.reasons == ("no_face",)
    assert second.face_px != first


def test_a_photo_that_hangs_is_refused_at_its_deadline(process_of):
    process = process_of(deadline=0.5)
    first = process.analyze(b"photo").face_px
    assert process.analyze(b"hang").reasons == ("unreadable_image",)
    assert gone(first)
    assert process.analyze(b"photo").reasons == ("no_face",)


def test_a_photo_that_keeps_the_processor_busy_is_refused_at_its_deadline(process_of, caplog, monkeypatch):
    monkeypatch.setattr("enrollment.workers.process._STARVED_FACTOR", 200)
    process = process_of(deadline=0.5)
    assert process.analyze(b"spin").reasons == ("unreadable_image",)
    assert f"ended with -{int(signal.SIGPROF)}" in caplog.text


def test_a_photo_is_not_refused_because_the_computer_is_busy(process_of):
    """Twice the deadline passes, but none of it on a processor, as when others have it."""
    process = process_of(deadline=0.5)
    assert process.analyze(b"wait").reasons == ("no_face",)


def test_a_defect_in_the_analyzer_is_logged_and_its_process_goes_on(process_of, caplog):
    process = process_of()
    first = process.analyze(b"photo").face_px
    assert process.analyze(b"raise").reasons == ("unreadable_image",)
    assert "a defect" in caplog.text
    assert process.analyze(b"photo").face_px == first


def test_a_process_that_was_killed_between_photos_costs_no_photo(process_of):
    process = process_of()
    first = process.analyze(b"photo").face_px
    os.kill(first, 9)
    os.waitid(os.P_PID, first, os.WEXITED | os.WNOWAIT)
    assert process.analyze(b"photo").reasons == ("no_face",)


@pytest.mark.parametrize(
    ("name", "words"),
    [("broken", "the weights are missing"), ("dies", "ended with 9"), ("other", "model 'another'"), ("none", "none")],
)
def test_an_analyzer_that_does_not_start_is_a_fault_and_no_bad_photo(process_of, name, words):
    process = process_of(name)
    with pytest.raises(SystemFault, match=words):
        process.analyze(b"photo")
    assert process.processes() == []


def test_too_many_bytes_are_refused_without_a_process(process_of):
    process = process_of("broken")
    assert process.analyze(b"x" * (MAX_BYTES + 1)).reasons == ("image_too_large",)


def test_many_threads_share_its_workers(process_of):
    process = process_of(workers=2)
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(process.analyze, [b"photo"] * 60))
    assert {answer.reasons for answer in answers} == {("no_face",)}
    assert {answer.face_px for answer in answers} <= set(process.processes())


def test_an_idle_process_is_stopped(process_of):
    process = process_of(idle=0.2)
    assert gone(process.analyze(b"photo").face_px)


def test_the_worker_ends_with_its_parent(process_of):
    assert process_of().processes() == []  # has written the fake that the other parent imports
    code = (
        "import sys; from enrollment.workers.process import AnalyzerProcess as P; p = P('fake_analyzer:Fake');"
        "print(p.analyze(b'photo').face_px, flush=True); sys.stdin.read()"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as parent:
        child = int(parent.stdout.readline())
        os.kill(child, 0)
        parent.kill()
    assert gone(child)


def test_real_photos_are_analyzed_as_in_process_and_leak_nothing(portrait, encoded, analyzer):
    photo = encoded(portrait, "JPEG", quality=90)
    process = AnalyzerProcess()
    try:
        here, there = analyzer.analyze(photo), process.analyze(photo)
        assert there.as_json() == here.as_json()
        assert np.array_equal(there.embedding, here.embedding)
        (pid,) = process.processes()
        for _ in range(8):
            process.analyze(photo)
        before = resident_kib(pid)
        for _ in range(12):
            process.analyze(photo)
        assert resident_kib(pid) - before < 4096
        assert process.processes() == [pid]
    finally:
        process.close()


def test_an_analysis_goes_over_the_wire_and_comes_back():
    embedding = np.arange(128, dtype=np.float32)
    sent = PhotoAnalysis(("blurred",), Box(1, 2, 3, 4), 5, 0.5, 0.25, -1.5, 2.5, 3.5, embedding)
    back = messages.unpack_analysis(*messages.pack_analysis(sent))
    assert back.as_json() == sent.as_json()
    assert np.array_equal(back.embedding, embedding)
    assert messages.unpack_analysis(*messages.pack_analysis(PhotoAnalysis(("no_face",)))).box is None


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\0\0",
        messages.LENGTHS.pack(messages.MAX_HEADER + 1, 0),
        messages.LENGTHS.pack(2, messages.MAX_BODY + 1) + b"{}",
        messages.LENGTHS.pack(2, 0) + b"[]",
        messages.LENGTHS.pack(2, 0) + b"\xff{",
        messages.LENGTHS.pack(2, 9) + b"{}short",
    ],
)
def test_what_is_no_frame_is_broken(data):
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(data)
        theirs.shutdown(socket.SHUT_WR)
        with pytest.raises(messages.Broken):
            messages.receive_frame(ours, time.monotonic() + LONG)


@pytest.mark.parametrize("face", [{}, {"reasons": ["no_face"]}, {"reasons": 5, "box": None}, None])
def test_what_is_no_face_object_is_broken(face):
    with pytest.raises(messages.Broken):
        messages.unpack_analysis({"face": face}, b"")


def test_a_frame_that_nobody_reads_or_sends_ends_at_its_deadline():
    ours, theirs = socket.socketpair()
    with ours, theirs:
        with pytest.raises(TimeoutError):
            messages.receive_frame(ours, time.monotonic() + 0.05)
        with pytest.raises(TimeoutError):
            messages.send_frame(ours, {}, b"x" * 8_000_000, time.monotonic() + 0.05)


def test_a_slow_reader_gets_it_all():
    ours, theirs = socket.socketpair()
    body = bytes(range(256)) * 8000
    with ours, theirs:
        sender = threading.Thread(target=messages.send_frame, args=(ours, {"a": 1}, body))
        sender.start()
        assert messages.receive_frame(theirs, time.monotonic() + LONG) == ({"a": 1}, body)
        sender.join(LONG)
        assert not sender.is_alive()


def test_a_photo_of_a_phone_is_decoded_in_the_process_and_not_here(tmp_path, portrait):
    """In an interpreter of its own: other tests here load the decoder to make such files."""
    written = io.BytesIO()
    pillow_heif.from_pillow(portrait).save(written)
    (tmp_path / "photo").write_bytes(written.getvalue())
    (tmp_path / "parent.py").write_text(
        "import pathlib, sys\n"
        "from enrollment.workers.process import AnalyzerProcess\n"
        "process = AnalyzerProcess()\n"
        "found = process.analyze(pathlib.Path(sys.argv[1]).read_bytes())\n"
        "maps = [pathlib.Path(f'/proc/{pid}/maps').read_text() for pid in ('self', *process.processes())]\n"
        "process.close()\n"
        "print(found.reasons, *('libheif' in text or '_avif' in text for text in maps))\n"
    )
    command = [sys.executable, str(tmp_path / "parent.py"), str(tmp_path / "photo")]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    ran = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=LONG, check=True)
    assert ran.stdout.split() == ["()", "False", "True"]
