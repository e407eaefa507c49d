"""The published example of RFC 7616, and what consoles really send."""

import pytest

from drivers.common.http.digest import Challenge, authorization, read_challenges

CAPTURED = 'Digest qop="auth", realm="DS-0123ABCD", nonce="ZTlhNGY3MjU6MDAwMDAw", stale="false", opaque="", domain="::"'
RFC = (
    'Digest realm="http-auth@example.org", qop="auth, auth-int", algorithm={}, '
    'nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"'
)


def test_no_algorithm_means_md5():
    assert read_challenges([CAPTURED]) == Challenge("DS-0123ABCD", "ZTlhNGY3MjU6MDAwMDAw", opaque="")


@pytest.mark.parametrize(
    ("algorithm", "response"),
    [
        ("MD5", "8ca523f5e9506fed4657c9700eebdbec"),
        ("SHA-256", "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"),
    ],
)
def test_the_example_of_rfc_7616(algorithm, response):
    challenge = read_challenges([RFC.format(algorithm)])
    cnonce = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ"
    header = authorization(challenge, "Mufasa", "Circle of Life", "GET", "/dir/index.html", cnonce)
    assert f'response="{response}"' in header
    assert 'opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"' in header
    assert "nc=00000001" in header
    assert ("algorithm" in header) == (algorithm != "MD5")


def test_the_best_is_taken_wherever_it_stands():
    md5, sha = RFC.format("MD5"), RFC.format("SHA-256")
    assert read_challenges([md5, sha]).algorithm == "SHA-256"
    assert read_challenges([f"{sha}, {md5}"]).algorithm == "SHA-256"
    assert read_challenges([f'Basic realm="a, b", {md5}']).algorithm == "MD5"


@pytest.mark.parametrize(
    "header",
    [
        *("", "Basic realm=x", "Digest", 'Digest realm="x"', "x" * 9999),
        *(RFC.format("SHA-1"), 'Digest nonce="n", qop="auth-int"'),
    ],
)
def test_what_can_not_be_met(header):
    assert read_challenges([header]) is None


def test_the_opaque_is_echoed_empty_and_words_are_quoted():
    header = authorization(read_challenges([CAPTURED]), 'ad"min', "пароль", "PUT", "/x?a=1", "c")
    assert 'opaque=""' in header
    assert 'username="ad\\"min"' in header
    assert "пароль" not in header


def test_a_session_key_and_no_qop():
    challenge = read_challenges(['Digest realm="r", nonce="n", algorithm=MD5-sess, stale=TRUE'])
    assert (challenge.session, challenge.qop, challenge.stale, challenge.opaque) == (True, False, True, None)
    assert "qop" not in authorization(challenge, "u", "p", "GET", "/", "c")
