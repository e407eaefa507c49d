"""Which firmware has known vulnerabilities: versions, builds, models, and the list's own form."""

from datetime import date

import pytest

from devicemgr.domain.model import DeviceInfo
from devicemgr.errors import InvalidInput
from devicemgr.provisioning.firmware_advisories import FILE, build_of, judge, known, parse, version_of
from drivers import Catalog


@pytest.mark.parametrize(
    ("firmware", "version", "build"),
    [
        ("V5.4.5 build 170123", (5, 4, 5), date(2017, 1, 23)),
        ("V5.5.800_build210628", (5, 5, 800), date(2021, 6, 28)),
        ("2.800.0000000.29.R,build:2021-03-01", (2, 800, 0, 29), date(2021, 3, 1)),
        ("2.820.0000000.48.R, Build Date 2022-06-14", (2, 820, 0, 48), date(2022, 6, 14)),
        ("V1.000.0000009.0.R.220620", (1, 0, 9, 0), date(2022, 6, 20)),
        ("V3.2.30", (3, 2, 30), None),
        ("build 991399", None, None),
        ("", None, None),
        ("9" * 60, None, None),
    ],
)
def test_what_a_firmware_says(firmware, version, build, tmp_path):
    assert (version_of(firmware), build_of(firmware, known(tmp_path, Catalog()).build_dates)) == (version, build)


def holes(manufacturer, model, firmware, tmp_path):
    found = judge(DeviceInfo(manufacturer, model, firmware, "S"), known(tmp_path, Catalog()))
    return [(finding.cve, finding.sure) for finding in found]


@pytest.mark.parametrize(
    ("manufacturer", "model", "firmware", "cves"),
    [
        ("HIKVISION", "DS-2CD2346G2-IU", "V5.5.160 build 210401", [("CVE-2021-36260", True)]),
        ("HIKVISION", "ds-2cd2346g2-iu", "V5.5.160 build 210624", [("CVE-2021-36260", True)]),
        ("HIKVISION", "DS-2CD2346G2-IU", "V5.5.800 build 210625", []),
        ("HIKVISION", "DS-2CD2346G2-IU", "V5.5.800", [("CVE-2021-36260", False)]),
        ("HIKVISION", "DS-2CD2142FWD-I", "V5.3.6 build 151105", [("CVE-2017-7921", True)]),
        ("HIKVISION", "DS-2CD2142FWD-I", "V5.4.5 build 170123", []),
        ("HIKVISION", "DS-2CD2032F-I", "V5.1.9 build 140721", []),
        ("HIKVISION", "DS-2CD2032F-I", "V5.4 build 160530", [("CVE-2017-7921", True)]),
        ("HIKVISION", "DS-2CD2032F-I", "", [("CVE-2017-7921", False)]),
        ("Hikvision", "DS-K1T671M", "V3.2.30 build 200101", []),
        (
            "Dahua",
            "IPC-HFW3441E-SA",
            "2.800.0000000.20.R,build:2020-12-03",
            [("CVE-2021-33044", True), ("CVE-2021-33045", True)],
        ),
        ("Dahua", "IPC-HFW3441E-SA", "2.800.0000000.31.R,build:2021-08-03", []),
        ("Dahua", "IPC-HDBW2231E-S-S2", "2.820.0000000.47.R,build:2022-06-13", [("CVE-2022-30563", True)]),
        ("Dahua", "ASI7213X-T1", "1.000.0000000.9.R,build:2021-06-19", [("CVE-2022-30563", True)]),
        ("Dahua", "ASI7213X-T1", "V1.000.0000009.0.R.220620", []),
        ("Simulated", "DS-2CD2346G2-IU", "V5.5.160 build 210401", []),
        ("", "", "", []),
    ],
)
def test_the_shipped_list(manufacturer, model, firmware, cves, tmp_path):
    assert holes(manufacturer, model, firmware, tmp_path) == cves


def test_every_shipped_entry_says_where_it_is_from(tmp_path):
    entries = known(tmp_path, Catalog()).vulnerable
    assert {entry.cve for entry in entries} == {
        "CVE-2021-36260",
        "CVE-2017-7921",
        "CVE-2021-33044",
        "CVE-2021-33045",
        "CVE-2022-30563",
    }
    assert all(len(entry.source) > 10 and entry.builds_to for entry in entries)


OWN = b"""
[[vulnerable]]
cve = "CVE-2021-36260"
manufacturer = "Hikvision"
models = ["DS-2CD2346G2*"]
firmware_to = "5.5.800"
what = "as before, by version"
source = "our own notes"

[[vulnerable]]
cve = "CVE-2099-0001"
manufacturer = "Axis"
models = ["*"]
what = "everything"
source = "our own notes"
"""


def test_homes_list_adds_and_has_the_last_word_on_what_it_names(tmp_path):
    (tmp_path / FILE).write_bytes(OWN)
    assert holes("Hikvision", "DS-2CD2346G2-I", "V5.5.800 build 260101", tmp_path) == [("CVE-2021-36260", True)]
    assert holes("Hikvision", "DS-2CD2143G2-I", "V5.5.1 build 210101", tmp_path) == []
    assert holes("AXIS", "M3046", "9.80", tmp_path) == [("CVE-2099-0001", True)]
    assert holes("Hikvision", "DS-2CD2032F-I", "V5.4.0 build 160530", tmp_path) == [("CVE-2017-7921", True)]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"\xff\xfe", "is not TOML"),
        (b"[[vulnerable", "is not TOML"),
        (b"", "vulnerable: Field required"),
        (OWN.replace(b"CVE-2099-0001", b"soon"), "vulnerable.1.cve"),
        (OWN.replace(b'"our own notes"', b'""'), "vulnerable.0.source"),
        (OWN.replace(b'["*"]', b"[]"), "vulnerable.1.models"),
        (OWN.replace(b'"5.5.800"', b'"newest"'), "vulnerable.0.firmware_to"),
        (OWN.replace(b"what =", b"\x1b = 1\nwhat =", 1), "is not TOML"),
        (OWN + b'fixed_in = "1"\n', "vulnerable.1.fixed_in"),
        (b"#" * (1 << 20) + b"\n", "larger than 1 MB"),
        (b"a = " + b"[" * 5000, "is not TOML"),
        (b"build_dates = ['(']\n" + OWN, "build_dates.0"),
        (b"build_dates = ['[0-9]{8}']\n" + OWN, "build_dates.0"),
    ],
)
def test_a_bad_list_is_one_line_that_says_where(content, says):
    with pytest.raises(InvalidInput) as caught:
        parse(content, "HOME/known_vulnerable.toml")
    line = str(caught.value)
    assert says in line
    assert line.startswith("HOME/known_vulnerable.toml")
    assert line.isprintable()
