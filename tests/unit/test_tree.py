# Copyright (c) 2026, community.aistore contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A directory is walked without following links and written without leaving it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from ansible_collections.community.aistore.plugins.module_utils import _tree


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    path = tmp_path / "outside"
    path.mkdir()
    (path / "secret").write_text("secret")
    return path


@pytest.fixture
def root(tmp_path: Path, outside: Path) -> Path:
    path = tmp_path / "root"
    (path / "a" / "b").mkdir(parents=True)
    (path / "a" / "b" / "deep").write_text("deep")
    (path / "top ü").write_text("x")
    (path / "empty").mkdir()
    (path / "file link").symlink_to(outside / "secret")
    (path / "dir link").symlink_to(outside)
    (path / "a" / "loop").symlink_to(path)
    (path / "dangling").symlink_to("nowhere")
    os.mkfifo(path / "pipe")
    return path


def test_walk_skips_links_and_pipes(root: Path) -> None:
    tree = _tree.walk(str(root))
    assert set(tree.files) == {"a/b/deep", "top ü"}
    assert set(tree.skipped) == {"file link", "dir link", "a/loop", "dangling", "pipe"}
    assert not tree.unreadable
    assert tree.files["a/b/deep"].size == 4


def test_walk_follows_links_when_asked_and_no_circles(root: Path) -> None:
    tree = _tree.walk(str(root), follow=True)
    assert set(tree.files) == {"a/b/deep", "top ü", "file link", "dir link/secret"}
    assert set(tree.skipped) == {"a/loop", "dangling", "pipe"}


def test_walk_leaves_out_what_is_pruned_and_what_is_not_whole(root: Path) -> None:
    (root / ".ais-abc123.part").write_text("half")
    assert set(_tree.walk(str(root), prune=lambda name: name == "a").files) == {"top ü"}


def test_walk_tells_what_it_cannot_read(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # The tests may run as root, who can read everything.
    scandir = os.scandir

    def refuse(path: str) -> object:
        if str(path).rstrip("/").endswith("a/b"):
            raise PermissionError(13, "Permission denied")
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    tree = _tree.walk(str(root))
    assert tree.unreadable == {"a/b": "Permission denied"}
    assert set(tree.files) == {"top ü"}


def test_walk_of_a_missing_directory_raises(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        _tree.walk(str(tmp_path / "missing"))


def test_a_file_is_another_one_after_a_change(root: Path) -> None:
    before = _tree.walk(str(root)).files["top ü"]
    (root / "top ü").write_text("y")
    assert _tree.walk(str(root)).files["top ü"] != before


@pytest.mark.parametrize(
    "name",
    [
        "",
        "/etc/passwd",
        "../x",
        "a/../../x",
        "..",
        "a/..",
        "a/./b",
        ".",
        "a//b",
        "a/",
        "nul\0",
        "x" * 256,
        "a/" * 2048 + "b",
        "\udc80",
    ],
)
def test_names_that_cannot_be_files(name: str) -> None:
    assert _tree.file_problem(name)


@pytest.mark.parametrize(
    "name", ["a", "a/b/c", "..a", "a..", "...", "~", "a b", "ü" * 127, "tab\t", "new\nline", "%2e%2e/x", "C:\\x"]
)
def test_names_that_can_be_files(name: str) -> None:
    assert _tree.file_problem(name) is None


def test_parent_makes_directories_below_the_root(root: Path) -> None:
    handle = _tree.opened(str(root))
    try:
        with _tree.parent(handle, "new/er/file", make=True) as (here, last):
            assert last == "file"
            Path(_tree.path_of(here, str(root / "new" / "er")), last).write_text("x")
        assert (root / "new" / "er" / "file").read_text() == "x"
        with pytest.raises(FileNotFoundError), _tree.parent(handle, "other/file"):
            pass
    finally:
        os.close(handle)


@pytest.mark.parametrize("name", ["dir link/new", "a/loop/new", "dangling/new", "top ü/new", "dir link/deeper/new"])
def test_parent_never_goes_through_links_or_files(root: Path, outside: Path, name: str) -> None:
    handle = _tree.opened(str(root))
    before = sorted(outside.iterdir())
    try:
        with pytest.raises(_tree.LinkInTheWay), _tree.parent(handle, name, make=True):
            pass
    finally:
        os.close(handle)
    assert sorted(outside.iterdir()) == before
    assert not (root / "nowhere").exists()


def test_remove_takes_the_directories_that_it_empties(root: Path) -> None:
    (root / "a" / "loop").unlink()
    handle = _tree.opened(str(root))
    try:
        _tree.remove(handle, "a/b/deep")
    finally:
        os.close(handle)
    assert not (root / "a").exists()
    assert (root / "empty").is_dir()
    assert (root / "top ü").exists()


def test_remove_stays_inside_and_takes_files_only(root: Path, outside: Path) -> None:
    handle = _tree.opened(str(root))
    try:
        with pytest.raises(_tree.LinkInTheWay):
            _tree.remove(handle, "dir link/secret")
        _tree.remove(handle, "file link")
    finally:
        os.close(handle)
    assert (outside / "secret").read_text() == "secret"
    assert (root / "file link").is_symlink()
