"""Strangers who came by and were refused leave no picture and no number of theirs in any file."""

from tests.scanning import faceless, files, vector


def test_strangers_leave_a_fact_and_nothing_else(entrance):
    faces = [vector(seed) for seed in range(6)]
    for number, face in enumerate(faces):
        entrance.see(face, track=f"t{number}", frames=3)
        entrance.see(face, track=f"t{number}", frames=12, ended=True)
    denied = [event for event in entrance.events() if event["kind"] == "access_denied"]
    assert len(denied) == len(faces)
    assert {event["reason"] for event in denied} == {"unknown_face"}
    entrance.site.sealer.seal()
    folder = entrance.site.home.path
    assert faceless(folder) > 2
    for name, content in files(folder).items():
        assert not any(face.tobytes()[at : at + 12] in content for face in faces for at in range(0, 512, 12)), name
