"""meshlab as a stranger has it: a wheel in an environment of its own, no clone in sight.

Nothing is downloaded. The environment is a real one, made by `venv`; the packages that the wheel
asks for are linked into it from the environment that runs the tests, those it does not ask for are
not there.
"""

from __future__ import annotations

import os
import subprocess
import sys
import venv
from dataclasses import dataclass
from importlib.metadata import distribution
from pathlib import Path

from packaging.requirements import Requirement

ROOT = Path(__file__).parents[2]


def build_wheel(folder: Path, version: str = "standard") -> Path:
    """The wheel of this repository ("editable": what an editable install installs)."""
    program = (
        "import sys; from hatchling.builders.wheel import WheelBuilder as B;"
        "print(*B(sys.argv[1]).build(directory=sys.argv[2], versions=[sys.argv[3]]))"
    )
    command = [sys.executable, "-c", program, str(ROOT), str(folder), version]
    built = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True)
    return Path(built.stdout.strip())


@dataclass(frozen=True, slots=True)
class Environment:
    """A Python environment, and the empty folder in which its commands run."""

    folder: Path

    @property
    def python(self) -> Path:
        inside = Path("Scripts", "python.exe") if os.name == "nt" else Path("bin", "python")
        return self.folder / "env" / inside

    def run(
        self, *arguments: str, status: int = 0, **variables: str
    ) -> subprocess.CompletedProcess[str]:
        """Run Python with these arguments; it must end with this ``status``.

        Of the tests' own variables only those are passed on that every process needs.
        """
        needed = {name: os.environ[name] for name in ("PATH", "SYSTEMROOT") if name in os.environ}
        home = {"HOME": str(self.folder / "home")}
        ended = subprocess.run(
            [str(self.python), *arguments],
            cwd=self.folder / "elsewhere",
            env={**needed, **home, **variables},
            capture_output=True,
            text=True,
            check=False,
        )
        assert ended.returncode == status, ended.stderr
        return ended


def make_environment(folder: Path, wheel: Path, *extras: str) -> Environment:
    """An environment with the wheel, what it requires, and what these ``extras`` require."""
    for name in ("elsewhere", "home"):
        (folder / name).mkdir(parents=True)
    venv.create(folder / "env", with_pip=False, symlinks=os.name != "nt")
    made = Environment(folder)
    found = made.run("-c", "import sysconfig; print(sysconfig.get_path('purelib'))")
    packages = Path(found.stdout.strip())
    for path in _parts(_required("meshlab", {"", *extras})):
        (packages / path.name).symlink_to(path, target_is_directory=path.is_dir())
    install = [sys.executable, "-m", "pip", "--python", str(made.python), "install", "--quiet"]
    subprocess.run(
        [*install, "--no-index", "--no-deps", "--disable-pip-version-check", str(wheel)],
        check=True,
    )
    return made


def _required(name: str, extras: set[str], known: set[str] | None = None) -> set[str]:
    """The names of all that a package requires with these extras, and what they require."""
    known = set() if known is None else known
    for text in distribution(name).requires or ():
        wanted = Requirement(text)
        marker = wanted.marker
        applies = marker is None or any(marker.evaluate({"extra": extra}) for extra in extras)
        if applies and wanted.name not in known:
            known.add(wanted.name)
            _required(wanted.name, {"", *wanted.extras}, known)
    return known


def _parts(names: set[str]) -> set[Path]:
    """The files and folders at the top of site-packages that belong to these packages."""
    return {
        Path(str(made.locate_file(file.parts[0])))
        for made in map(distribution, names)
        for file in made.files or ()
        if file.parts[0] not in ("..", "__pycache__")
    }
