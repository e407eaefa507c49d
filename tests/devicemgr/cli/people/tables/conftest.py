"""Tables as files, imported as an admin does."""

import pytest


@pytest.fixture
def table(tmp_path):
    """table("a.csv", "badge,name", "1,A") writes a file and returns its path; bytes are written as they are."""

    def write(name, *lines, encoding="utf-8"):
        file = tmp_path / name
        data = lines[0] if isinstance(lines[0], bytes) else "".join(f"{line}\r\n" for line in lines).encode(encoding)
        file.write_bytes(data)
        return file

    return write


@pytest.fixture
def imported(cli):
    """imported(file, *options, code=0) runs the import and returns its document."""

    def run(file, *options, code=0):
        ran = cli("--json", "person", "import", file, *options)
        assert ran.code == code, ran.out + ran.err
        return ran.json

    return run
