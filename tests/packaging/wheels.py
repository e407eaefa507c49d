"""A wheel of this tree, built once a test run and installed into an environment beside it; no network is used.

The libraries are those of the environment that runs the tests, reached by a path file. Its editable install of this
checkout is not reached: Python does not read the path files of a folder that a path file names.
"""

import dataclasses
import fcntl
import os
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


@dataclasses.dataclass(frozen=True)
class Installed:
    """An environment with the product in it as a wheel."""

    folder: Path
    wheel: Path

    @property
    def environment(self) -> dict[str, str]:
        """The environment of its processes: nothing in it leads to the checkout."""
        return {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}

    def devicemgr(
        self, *words: str, home: Path | None = None, code: int | None = 0
    ) -> subprocess.CompletedProcess[str]:
        """Run the installed command away from the checkout; it must end with `code`."""
        where = ["--home", str(home)] if home else []
        return self._run([str(self.folder / "bin" / "devicemgr"), *words, *where], code)

    def python(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run the environment's Python, without the working folder on its path; it must succeed."""
        return self._run([str(self.folder / "bin" / "python"), "-P", *words], 0)

    def _run(self, command: list[str], code: int | None) -> subprocess.CompletedProcess[str]:
        ran = subprocess.run(
            command,
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            check=False,
            capture_output=True,
            text=True,
            timeout=280,
        )
        assert code is None or ran.returncode == code, (command, ran.stdout[-2000:], ran.stderr[-2000:])
        return ran

    def wait_for(self, log: Path, text: str, process: subprocess.Popen[bytes]) -> None:
        """Wait until `text` stands in the log of a process that goes on."""
        while text not in log.read_text():
            assert process.poll() is None, log.read_text()
            time.sleep(0.05)


def build_once(shared: Path) -> Installed:
    """Return the installed wheel in `shared`, made by the first process that comes; the others wait for it."""
    shared.mkdir(exist_ok=True)
    with (shared / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (shared / "ready").exists():
            _build(shared)
            (shared / "ready").touch()
    (wheel,) = (shared / "dist").glob("*.whl")
    return Installed(shared / "environment", wheel)


def _build(folder: Path) -> None:
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder / "dist")],
        cwd=ROOT,
        check=True,
        capture_output=True,
        timeout=100,
    )
    (wheel,) = (folder / "dist").glob("*.whl")
    environment = folder / "environment"
    subprocess.run(
        [sys.executable, "-m", "venv", "--without-pip", str(environment)], check=True, capture_output=True, timeout=100
    )
    (packages,) = environment.glob("lib/python*/site-packages")
    libraries = [path for path in sys.path if Path(path).name == "site-packages"]
    (packages / "libraries.pth").write_text("".join(f"{path}\n" for path in libraries))
    subprocess.run(
        [
            sys.executable,
            "-m",
            "pip",
            "--python",
            environment / "bin" / "python",
            "install",
            "-q",
            "--no-index",
            "--no-deps",
            "--no-compile",
            str(wheel),
        ],
        check=True,
        capture_output=True,
        timeout=100,
    )
