"""On real people, where ../shared/faces is at hand; a sample, so that it stays a matter of seconds."""

from itertools import chain

import numpy as np
import pytest

from enrollment.matching.gallery import build_gallery


@pytest.fixture(scope="module")
def people(faces_folder, analyzer):
    """Eight people with four photos each, and eleven strangers: analyses by name."""
    names = [folder for folder in sorted((faces_folder / "people").iterdir()) if len(list(folder.iterdir())) >= 4][:8]
    found = {name.name: [judged(analyzer, path) for path in sorted(name.iterdir())[:4]] for name in names}
    strangers = sorted((faces_folder / "strangers").iterdir())[::80]
    return found, [judged(analyzer, path) for path in strangers]


def judged(analyzer, path):
    return analyzer.analyze(path.read_bytes())


def test_photos_in_the_wild_mostly_pass_the_quality_gate(people):
    enrolled, strangers = people
    alone = [a for a in [*chain(*enrolled.values()), *strangers] if "several_faces" not in a.reasons]
    assert len(alone) >= 38
    assert sum(analysis.ok for analysis in alone) / len(alone) >= 0.9


def test_people_are_recognized_and_strangers_are_not(people):
    enrolled, strangers = people
    rows = [(name, a.embedding) for name, found in enrolled.items() for a in found[:3] if a.embedding is not None]
    gallery = build_gallery(rows, 1)
    probes = [(name, found[3].embedding) for name, found in enrolled.items() if found[3].embedding is not None]
    answers = [(name, gallery.match(probe).person_id) for name, probe in probes]
    assert all(answer in (name, None) for name, answer in answers)
    assert sum(name == answer for name, answer in answers) >= len(answers) - 1
    unknown = [gallery.match(a.embedding).person_id for a in strangers if a.embedding is not None]
    assert len(unknown) >= 9
    assert sum(person is not None for person in unknown) <= 1


def test_the_stock_threshold_would_let_strangers_in(people):
    enrolled, strangers = people
    means = np.array(
        [np.mean([a.embedding for a in found if a.embedding is not None], 0) for found in enrolled.values()]
    )
    means /= np.linalg.norm(means, axis=1, keepdims=True)
    best = [float((means @ a.embedding).max()) for a in strangers if a.embedding is not None]
    assert max(best) > 1 - 0.6**2 / 2
