"""What the API answers where a consent was withdrawn: a kind of problem of its own, for imports and single photos."""

import base64


def test_a_withdrawn_consent_is_a_problem_of_its_own(client, photo):
    photos = [base64.b64encode(photo("a.jpg", "face:a").read_bytes()).decode()]
    assert client.post("/people", json={"name": "Anna", "badge": "7"}).status_code == 201
    enroll = lambda **more: client.post("/people/7/face", json={"photos": photos, **more})  # noqa: E731
    assert enroll(consent="form-1").status_code == 201
    assert client.delete("/people/7/face").status_code == 200
    for refused in ({"consent": "form-1"}, {"consent": "form-2", "bulk": True}):
        answer = enroll(**refused)
        assert (answer.status_code, answer.json()["type"]) == (409, "urn:devicemgr:problem:consent-withdrawn")
        assert "Anna (badge 7)" in answer.json()["detail"]
    assert client.get("/people/7").json()["templates"] == 0
    assert enroll(consent="form-2").status_code == 201
