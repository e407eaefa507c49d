import io
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import skimage.data
from PIL import Image

from devicemgr.domain.ports.recognition import Box
from enrollment.models.encoder import MODEL, DlibEncoder, build_encoder
from enrollment.photos.analyzer import Analyzer, build_analyzer
from enrollment.workers.process import AnalyzerProcess

FACES = Path(__file__).resolve().parents[3] / "shared" / "faces"


@pytest.fixture(scope="session")
def cache(one_cache: Path) -> Path:
    """The converted network's folder."""
    return one_cache


@pytest.fixture(scope="session")
def portrait() -> Image.Image:
    """The one face that every machine has, 512×512."""
    return Image.fromarray(skimage.data.astronaut())


@pytest.fixture(scope="session")
def encoder() -> DlibEncoder:
    return build_encoder()


@pytest.fixture(scope="session")
def chips(encoder: DlibEncoder, portrait: Image.Image) -> np.ndarray:
    """64 chips, uint8 150×150×3: a face moved, turned, lit, mirrored and channel-swapped; noise, shades, flat ones."""
    rng = np.random.default_rng(7)
    pixels = np.array(portrait)
    face = encoder.detect(pixels)[0]
    made = [encoder.chip(pixels, face)]
    for _ in range(39):
        box = Box(*(int(edge + rng.integers(-14, 15)) for edge in (face.top, face.right, face.bottom, face.left)))
        chip = encoder.chip(pixels, box)[:, :: rng.choice([-1, 1]), :: rng.choice([-1, 1])]
        made.append((chip * rng.uniform(0.2, 1.8)).clip(0, 255).astype(np.uint8))
    made += [rng.integers(0, 256, (150, 150, 3), np.uint8) for _ in range(12)]
    made += [np.full((150, 150, 3), rng.integers(0, 256, 3), np.uint8) for _ in range(4)]
    made += [np.zeros((150, 150, 3), np.uint8), np.full((150, 150, 3), 255, np.uint8)]
    ramp = np.linspace(0, 255, 150).astype(np.uint8)
    made += [np.stack([np.roll(ramp, 40 * step)[:, None] + ramp] * 3, axis=2) for step in range(6)]
    return np.stack(made)


@pytest.fixture(scope="session")
def analyzer() -> Analyzer:
    return build_analyzer()


@pytest.fixture(scope="session")
def encoded() -> Callable[..., bytes]:
    def save(picture: Image.Image, kind: str = "PNG", **options: Any) -> bytes:
        buffer = io.BytesIO()
        picture.save(buffer, kind, **options)
        return buffer.getvalue()

    return save


@pytest.fixture(scope="session")
def faces_folder() -> Path:
    if not (FACES / "people").is_dir():
        pytest.skip("accuracy is measured on ../shared/faces, which is not here")
    return FACES


@pytest.fixture
def unit_vectors() -> Callable[..., np.ndarray]:
    """Rows that are far from each other, as strangers' embeddings are not: cosine about 0 between any two."""

    def make(count: int, seed: int = 1) -> np.ndarray:
        rows = np.random.default_rng(seed).normal(size=(count, 128))
        return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)

    return make


@pytest.fixture
def process_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., AnalyzerProcess]]:
    """An AnalyzerProcess over a fake analyzer that does what the photo says."""
    (tmp_path / "fake_analyzer.py").write_text(
        "import os, time\n"
        "from devicemgr.domain.ports.recognition import PhotoAnalysis\n"
        "class Fake:\n"
        f"    model = {MODEL!r}\n"
        "    def analyze(self, photo):\n"
        "        if photo == b'crash': os.abort()\n"
        "        if photo == b'hang': time.sleep(600)\n"
        "        if photo == b'spin':\n"
        "            while True: pass\n"
        "        if photo == b'wait': time.sleep(1.0)\n"
        "        if photo == b'raise': raise RuntimeError('a defect')\n"
        "        return PhotoAnalysis(('no_face',), face_px=os.getpid())\n"
        "def other():\n"
        "    fake = Fake(); fake.model = 'another'; return fake\n"
        "def broken(): raise RuntimeError('the weights are missing')\n"
        "def dies(): os._exit(9)\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    made: list[AnalyzerProcess] = []

    def build(name: str = "Fake", **options: Any) -> AnalyzerProcess:
        made.append(AnalyzerProcess(f"fake_analyzer:{name}", **options))
        return made[-1]

    yield build
    for process in made:
        process.close()
