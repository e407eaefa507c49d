"""The manual page: well formed, and with every command, option and example."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from typer.main import get_command

from cli import TABLE, app
from devicemgr.cli.examples import EXAMPLES

ROOT = Path(__file__).parents[2]
MACROS = {".TH", ".SH", ".SS", ".TP", ".PP", ".RS", ".RE", ".B", ".nf", ".fi", ".nh", ".ad"}


@pytest.fixture(scope="module")
def page(tmp_path_factory) -> Path:
    file = tmp_path_factory.mktemp("man") / "devicemgr.1"
    subprocess.run([sys.executable, ROOT / "packaging" / "man_page.py", file], cwd=ROOT, check=True, timeout=100)
    return file


def plain(source: str) -> str:
    """Return roff source as it is read: without requests and escapes, one space between words."""
    text = "\n".join(line for line in source.splitlines() if line.split(" ")[0] not in MACROS - {".B", ".SS"})
    text = re.sub(r"\\f[BIR]|\\&", "", text).replace(r"\-", "-").replace(r"\e", "\\")
    return " ".join(text.split())


def test_it_names_every_command_with_its_help_options_and_example(page):
    text, root = plain(page.read_text()), get_command(app)
    for words, row in TABLE.items():
        command = root
        for word in words.split():
            command = command.commands[word]
        assert f"devicemgr {words}" in text, words
        assert " ".join(row.help.replace("…", "...").split()) in text, words
        example = row.example or EXAMPLES[words]
        assert " ".join(example.split()).replace("…", "...") in text, words
        options = {one for parameter in command.params for one in parameter.opts if one.startswith("--")}
        assert [one for one in options - {"--help"} if one not in text] == [], words


def test_it_is_well_formed(page):
    lines, depth = page.read_text().splitlines(), 0
    assert lines[0].startswith(".TH DEVICEMGR 1 ")
    for number, line in enumerate(lines, 1):
        macro = line.split(" ")[0]
        assert not line.startswith("'"), number
        assert not line.startswith(".") or macro in MACROS, f"line {number}: {line}"
        assert line.strip(), f"line {number} is empty"
        assert line.isascii(), f"line {number}: {line}"
        assert not re.search(r"(?<!\\)-", re.sub(r"^\.TH.*|^\.RS 4", "", line)), f"line {number}: {line}"
        depth += {".RS": 1, ".RE": -1}.get(macro, 0)
        assert depth >= 0, number
    assert depth == 0


@pytest.mark.skipif(shutil.which("groff") is None, reason="groff is not installed")
def test_groff_has_nothing_to_say(page):
    ran = subprocess.run(
        ["groff", "-man", "-ww", "-Tutf8", "-rLL=78n", page], check=True, capture_output=True, text=True, timeout=60
    )
    assert ran.stderr == ""
    assert "devicemgr" in ran.stdout


@pytest.mark.skipif(shutil.which("mandoc") is None, reason="mandoc is not installed")
def test_mandoc_has_nothing_worse_than_style_to_say(page):
    ran = subprocess.run(
        ["mandoc", "-T", "lint", "-W", "error", page], check=False, capture_output=True, text=True, timeout=60
    )
    assert (ran.returncode, ran.stdout) == (0, "")
