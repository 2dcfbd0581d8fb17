"""Where compiled code is kept: one folder for each fingerprint, wherever the reader wants it."""

from __future__ import annotations

import os
import pwd
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from meshlab.code_cache import CodeCache, fingerprint, open_cache

KEY = "0123456789abcdef"


def folder(**variables: str) -> Path | None:
    return open_cache(KEY, variables).folder


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


@pytest.fixture
def nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """A user without a home whom the system does not know, as in many a container."""

    def unknown(uid: int) -> None:
        raise KeyError(f"uid not found: {uid}")

    monkeypatch.delenv("HOME", raising=False)
    monkeypatch.setattr(pwd, "getpwuid", unknown)


# ---- where


def test_the_readers_own_folder_comes_first(home: Path) -> None:
    assert folder(MESHLAB_CACHE="/a", XDG_CACHE_HOME="/b") == Path("/a", KEY)
    assert folder(XDG_CACHE_HOME="/b") == Path("/b/meshlab", KEY)
    assert folder() == home / ".cache" / "meshlab" / KEY


def test_an_empty_variable_counts_as_none(home: Path) -> None:
    assert folder(MESHLAB_CACHE="", XDG_CACHE_HOME="") == home / ".cache" / "meshlab" / KEY


def test_a_tilde_is_the_home_folder(home: Path) -> None:
    assert folder(MESHLAB_CACHE="~/mine") == home / "mine" / KEY
    assert folder(XDG_CACHE_HOME="~/cache") == home / "cache" / "meshlab" / KEY


@pytest.mark.parametrize("relative", ["cache", "./cache", "../cache", "~nobody-of-this-name/x"])
def test_a_cache_home_that_is_not_absolute_is_ignored(home: Path, relative: str) -> None:
    assert folder(XDG_CACHE_HOME=relative) == home / ".cache" / "meshlab" / KEY


def test_a_relative_folder_of_the_readers_own_stays_where_it_was_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    found = folder(MESHLAB_CACHE="mine")
    monkeypatch.chdir("/")
    assert found == tmp_path / "mine" / KEY


@pytest.mark.usefixtures("nobody")
def test_without_a_home_there_is_a_reason_and_no_folder() -> None:
    cache = open_cache(KEY, {"XDG_CACHE_HOME": "~/cache"})
    assert cache == CodeCache(None, "there is no home folder")
    assert cache.why_not_kept() == "there is no home folder"
    assert folder(MESHLAB_CACHE="/a") == Path("/a", KEY)


def test_a_home_that_is_no_absolute_path_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "somewhere")
    assert folder() is None


# ---- whether anything can be kept there


def test_a_folder_is_made_when_it_is_needed_and_belongs_to_its_user(tmp_path: Path) -> None:
    cache = open_cache(KEY, {"MESHLAB_CACHE": str(tmp_path / "new")})
    assert list(tmp_path.iterdir()) == []
    assert cache.why_not_kept() == ""
    assert cache.folder is not None
    assert stat.S_IMODE(cache.folder.stat().st_mode) == 0o700
    assert list(cache.folder.iterdir()) == []


def file_in_its_place(root: Path) -> Path:
    root.write_text("not a folder")
    return root


def file_on_the_way(root: Path) -> Path:
    root.write_text("not a folder")
    return root / "cache"


def file_at_the_end(root: Path) -> Path:
    root.mkdir()
    (root / KEY).write_text("not a folder")
    return root


def name_too_long(root: Path) -> Path:
    return root / ("x" * 300)


def system_that_refuses(root: Path) -> Path:
    return Path("/proc/meshlab")


def read_only(root: Path) -> Path:
    if os.geteuid() == 0:
        pytest.skip("root may write everywhere")
    root.mkdir(mode=0o500)
    return root


@pytest.mark.parametrize(
    "spoil",
    [
        file_in_its_place,
        file_on_the_way,
        file_at_the_end,
        name_too_long,
        system_that_refuses,
        read_only,
    ],
)
def test_a_place_that_can_not_be_written_to_is_a_reason_not_an_error(
    spoil: Callable[[Path], Path], tmp_path: Path
) -> None:
    cache = open_cache(KEY, {"MESHLAB_CACHE": str(spoil(tmp_path / "place"))})
    assert cache.why_not_kept().startswith(f"{cache.folder}: ")
    assert "\n" not in cache.why_not_kept()


# ---- what it depends on


@pytest.fixture
def sources(tmp_path: Path) -> list[Path]:
    for name, text in (("one.py", "a = 1\n"), ("two.py", "b = 2\n")):
        (tmp_path / name).write_text(text)
    return [tmp_path / "one.py", tmp_path / "two.py"]


def test_the_same_sources_have_the_same_fingerprint_wherever_they_lie(
    sources: list[Path], tmp_path: Path
) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    copies = [Path(elsewhere, source.name) for source in sources]
    for source, copy in zip(sources, copies, strict=True):
        copy.write_bytes(source.read_bytes())
    assert fingerprint(copies, "1.0") == fingerprint(sources, "1.0")


@pytest.mark.parametrize(("name", "text"), [("one.py", "a = 2\n"), ("two.py", "b = 2 \n")])
def test_a_changed_source_has_another_fingerprint(
    sources: list[Path], tmp_path: Path, name: str, text: str
) -> None:
    before = fingerprint(sources)
    (tmp_path / name).write_text(text)
    assert fingerprint(sources) != before


def test_code_that_moves_from_one_source_to_the_next_changes_the_fingerprint(
    sources: list[Path],
) -> None:
    before = fingerprint(sources)
    sources[0].write_text("a = 1\nb = 2\n")
    sources[1].write_text("")
    assert fingerprint(sources) != before


def test_facts_and_the_compilers_settings_count_and_other_variables_do_not(
    sources: list[Path],
) -> None:
    def made(*facts: object, **variables: str) -> str:
        return fingerprint(sources, *facts, environment=variables)

    plain = made("numba 1")
    assert made("numba 2") != plain
    assert made("numba 1", NUMBA_OPT="0") != plain
    assert made("numba 1", NUMBA_NUM_THREADS="1", NUMBA_CACHE_DIR="/x", LANG="C") == plain


def test_without_its_sources_nothing_is_ever_kept(sources: list[Path]) -> None:
    sources[1].unlink()
    assert fingerprint(sources) == ""
    cache = open_cache("", {"MESHLAB_CACHE": "/a"})
    assert cache.folder is None
    assert "can't be read" in cache.why_not_kept()
