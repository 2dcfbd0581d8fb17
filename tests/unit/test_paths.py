"""Names of files that no file can have, and files that can't be written whole."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from meshlab.kept_worlds import open_folder
from meshlab.model import ConfigError
from meshlab.paths import require_path, writing


@pytest.mark.parametrize("name", ["", "a\0b", "\ud800"])
def test_what_no_file_can_be_called_is_refused(name: str) -> None:
    rule = "path must be the name of a file or folder"
    with pytest.raises(ConfigError, match=f"here: {rule}, got "):
        require_path(name, "here", "path")
    with pytest.raises(ConfigError, match="sweep: store must be the name of a file or folder"):
        open_folder(name)


@pytest.mark.parametrize("name", ["x", "a b", "..", "\udcff", "naïve"])
def test_what_a_file_can_be_called_is_a_path(name: str) -> None:
    """Also bytes that are no text, as the system hands them to Python."""
    assert require_path(name, "here", "path") == require_path(Path(name), "here", "path")


def test_what_was_written_stays(tmp_path: Path) -> None:
    with writing(tmp_path / "file") as file:
        file.write("ä\n")
    assert (tmp_path / "file").read_bytes() == b"\xc3\xa4\n"


@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "full"), KeyboardInterrupt()])
def test_of_a_file_that_was_not_finished_nothing_is_left(
    error: BaseException, tmp_path: Path
) -> None:
    with pytest.raises(type(error)), writing(tmp_path / "file") as file:
        file.write("half")
        raise error
    assert list(tmp_path.iterdir()) == []
    assert not isinstance(error, OSError) or error.filename == str(tmp_path / "file")


def test_a_device_or_a_link_is_never_removed(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "link").symlink_to(tmp_path / "file")
    for name in (tmp_path / "link", Path(os.devnull)):
        with pytest.raises(KeyboardInterrupt), writing(name):
            raise KeyboardInterrupt
        assert name.exists()
