# Copyright (c) 2026, community.aistore contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The collection beside what one would use instead, each row on one cluster in one run.

    .venv/bin/python tests/bench/run.py                  # all rows; `make bench`
    .venv/bin/python tests/bench/run.py --only loop      # rows whose name holds a word
    .venv/bin/python tests/bench/run.py --write          # and docs/docsite/rst/benchmarks.rst

A row is a job and the ways to do it. The ways take turns, so that whatever else the machine does
falls on all of them; a figure is the median of the rounds. Seconds are this machine's; compare the
ratios. The first way is the collection's, and the other ways are given as multiples of it.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "tests/cluster"), str(ROOT / "roles/sandbox/files")]

from relay import Relay  # noqa: E402
from sandbox import Sandbox, Spec  # noqa: E402

PAGE = ROOT / "docs/docsite/rst/benchmarks.rst"
RIVALS = ROOT / ".cache/bench"
OURS = Path(sys.executable).parent
MODULE = "community.aistore.ais_bucket"


@dataclass(frozen=True)
class Bench:
    """One run: a cluster, and a directory to work in. `seen` is what has been made in the cluster."""

    endpoint: str
    scratch: Path
    seen: dict[str, int] = field(default_factory=lambda: {"names": 0, "standing": 0})

    def fresh(self) -> str:
        """A prefix for names that nothing has used yet."""
        self.seen["names"] += 1
        return f"bench{self.seen['names']:04}"


def environment(scratch: Path) -> dict[str, str]:
    """This process's, without what it says about Ansible, AIStore and Python."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("ANSIBLE_", "AIS_", "PYTHON"))}
    config = scratch / "ansible.cfg"
    config.touch()
    return {**kept, "HOME": str(scratch), "ANSIBLE_CONFIG": str(config), "ANSIBLE_NOCOLOR": "1"}


def run(command: Sequence[str | Path], bench: Bench, **env: str) -> str:
    done = subprocess.run(
        command,
        cwd=bench.scratch,
        env={**environment(bench.scratch), **env},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise SystemExit(f"{command[0]} ended with {done.returncode}\n{done.stdout}\n{done.stderr}")
    return done.stdout


def playbook(bench: Bench, task: Mapping[str, Any], changed: int, *, of: Path = OURS, **env: str) -> None:
    """Play one task; it has to report as many changes as expected."""
    tasks = [{**task, "name": "task", "register": "done"}]
    count = f"[done.get('results', [done])] | flatten | selectattr('changed') | length == {changed}"
    tasks.append({"name": "as expected", "ansible.builtin.assert": {"that": [count]}})
    play = {"hosts": "localhost", "gather_facts": False, "tasks": tasks}
    book, hosts = bench.scratch / "play.json", bench.scratch / "hosts"
    book.write_text(json.dumps([play]))
    hosts.write_text(f"localhost ansible_connection=local ansible_python_interpreter={of}/python\n")
    run([of / "ansible-playbook", "-i", hosts, book], bench, **env)


def script(bench: Bench, text: str, *args: str) -> float:
    """Run a Python program with the rivals' packages; it prints the seconds that its work took."""
    program = bench.scratch / "program.py"
    program.write_text(text)
    return float(run([RIVALS / "bin/python", program, bench.endpoint, *args], bench))


Work = Callable[[], Any]


@dataclass(frozen=True)
class Way:
    """A way to do a row's job: `start` prepares a round and returns the work to be timed.

    Work that returns a number has taken its own time, in seconds: no start of a Python is in it.
    """

    name: str
    start: Callable[[Bench], Work]


@dataclass(frozen=True)
class Row:
    name: str
    job: str
    ways: Sequence[Way]
    #: Way -> the most that the first way may take of it; what the collection promises.
    limits: Mapping[str, float] = field(default_factory=dict)
    rounds: int = 3


# --- what is done


def loop(task: Mapping[str, Any], **how: Any) -> Callable[[Bench], Work]:
    """A task in a loop over a hundred names, nothing of which changes."""

    def start(bench: Bench) -> Work:
        names = existing(bench, 100)
        filled = json.loads(json.dumps(task).replace("ENDPOINT", bench.endpoint))
        return lambda: playbook(bench, {**filled, "loop": names}, 0, **how)

    return start


def existing(bench: Bench, count: int) -> list[str]:
    names = [f"standing{number:04}" for number in range(count)]
    if bench.seen["standing"] < count:
        task = {MODULE: {"name": names, "endpoint": bench.endpoint}}
        playbook(bench, {**task, "changed_when": False}, 0)
        bench.seen["standing"] = count
    return names


def unchanged(count: int) -> Callable[[Bench], Work]:
    def start(bench: Bench) -> Work:
        task = {MODULE: {"name": existing(bench, count), "endpoint": bench.endpoint}}
        return lambda: playbook(bench, task, 0)

    return start


def created(count: int) -> Callable[[Bench], Work]:
    def start(bench: Bench) -> Work:
        prefix = bench.fresh()
        names = [f"{prefix}-{number}" for number in range(count)]
        return lambda: playbook(bench, {MODULE: {"name": names, "endpoint": bench.endpoint}}, 1)

    return start


def ping(bench: Bench) -> Work:
    return lambda: playbook(bench, {"ansible.builtin.ping": {}}, 0)


SDK = """
import sys, time
from aistore.sdk import Client
client = Client(sys.argv[1])
names = [f"{sys.argv[2]}{n}" for n in range(int(sys.argv[3]))]
began = time.perf_counter()
for name in names:
    %s
print(time.perf_counter() - began)
"""


def sdk_heads(bench: Bench) -> Work:
    existing(bench, 1000)
    text = SDK.replace("{n}", "{n:04}") % "client.bucket(name).head()"
    return lambda: script(bench, text, "standing", "1000")


def sdk_creates(bench: Bench) -> Work:
    prefix = bench.fresh()
    return lambda: script(bench, SDK % "client.bucket(name).create()", f"{prefix}-", "100")


ITEM = "{{ item }}"
UNCHANGED = {MODULE: {"name": ITEM, "endpoint": "ENDPOINT"}}
URI = {"ansible.builtin.uri": {"url": "ENDPOINT/v1/buckets/{{ item }}", "method": "HEAD"}}
S3 = {
    "amazon.aws.s3_bucket": {
        "name": ITEM,
        "endpoint_url": "ENDPOINT/s3",
        "access_key": "any",
        "secret_key": "any",
        "region": "us-east-1",
    }
}
DIRECT, ORDINARY = {"ANSIBLE_AISTORE_DIRECT": "always"}, {"ANSIBLE_AISTORE_DIRECT": "never"}

ROWS = (
    Row(
        "loop",
        "A loop of 100 buckets, all as they should be",
        (
            Way("ais_bucket", loop(UNCHANGED, **DIRECT)),
            Way("ais_bucket, ansible_aistore_direct: never", loop(UNCHANGED, **ORDINARY)),
            Way("ansible.builtin.debug", loop({"ansible.builtin.debug": {"msg": ITEM}})),
            Way("ansible.builtin.ping", loop({"ansible.builtin.ping": {}})),
            Way("ansible.builtin.uri", loop(URI)),
            Way("amazon.aws.s3_bucket", loop(S3, of=RIVALS / "bin")),
        ),
        limits={"ansible.builtin.ping": 1 / 15, "ansible.builtin.debug": 2.5},
    ),
    Row(
        "task",
        "1,000 buckets in one task, all as they should be",
        (
            Way("ais_bucket", unchanged(1000)),
            Way("a playbook with one ansible.builtin.ping", ping),
            Way("1,000 HEADs with the AIStore Python SDK, without its start", sdk_heads),
        ),
        limits={"a playbook with one ansible.builtin.ping": 1.2},
        rounds=5,
    ),
    Row(
        "create",
        "100 new buckets in one task",
        (
            Way("ais_bucket, the whole playbook", created(100)),
            Way("100 creates with the AIStore Python SDK, without its start", sdk_creates),
        ),
    ),
)

#: Job -> the work that is counted, in requests to the cluster, while nothing else asks.
COUNTED = {
    "1 bucket, unchanged": unchanged(1),
    "1,000 buckets in one task, unchanged": unchanged(1000),
    "a loop of 100 buckets, unchanged": loop(UNCHANGED, **DIRECT),
    "100 new buckets in one task": created(100),
    "a loop of 100 buckets with amazon.aws.s3_bucket, unchanged": loop(S3, of=RIVALS / "bin"),
}


# --- how it is measured


def measure(row: Row, bench: Bench, rounds: int) -> dict[str, float]:
    """Way -> median seconds."""
    took: dict[str, list[float]] = {way.name: [] for way in row.ways}
    for number in range(rounds):
        for way in row.ways[:: 1 if number % 2 == 0 else -1]:
            work = way.start(bench)
            began = time.perf_counter()
            own = work()
            took[way.name].append(time.perf_counter() - began if own is None else own)
            print(f"  {row.name} {number + 1}/{rounds}: {way.name}: {took[way.name][-1]:.2f} s", file=sys.stderr)
    return {name: statistics.median(times) for name, times in took.items()}


def requests_of(start: Callable[[Bench], Work], bench: Bench) -> int:
    """How many requests reach the proxy; those that it sends on to targets are not ours to count."""
    with Relay(bench.endpoint) as relay:
        work = start(replace(bench, endpoint=relay.url))
        relay.reset()
        work()
        return len(relay.requests)


@contextlib.contextmanager
def prepared() -> Iterator[Bench]:
    """A cluster for the run, and the rivals in a virtual environment of their own."""
    wanted = Path(__file__).with_name("requirements.txt")
    stamp = RIVALS / "installed.txt"
    if not stamp.exists() or stamp.read_text() != wanted.read_text():
        uv = [str(OURS / "uv"), "--quiet"]
        subprocess.run([*uv, "venv", "--clear", "--python", sys.executable, RIVALS], check=True)
        install = ["pip", "install", "--python", RIVALS / "bin/python", "--requirements", wanted]
        subprocess.run([*uv, *install], check=True)
        stamp.write_text(wanted.read_text())
    with tempfile.TemporaryDirectory(prefix="bench-", ignore_cleanup_errors=True) as scratch:
        box = Sandbox(Path(scratch, "box"), Spec(version="5.0", proxies=1, targets=3))
        try:
            box.start()
            yield Bench(box.endpoint, Path(scratch))
        finally:
            box.remove()


# --- how it is told


def lines_of(row: Row, took: Mapping[str, float]) -> list[tuple[str, str, str, str]]:
    """Of each way: name, seconds, ratio to the first, and whether a promise is kept."""
    first = took[row.ways[0].name]
    lines = []
    for way in row.ways:
        promise = ""
        if way.name in row.limits:
            kept = first <= row.limits[way.name] * took[way.name]
            promise = f"{first / took[way.name]:.2f} of it, at most {row.limits[way.name]:.2f}: " + (
                "kept" if kept else "BROKEN"
            )
        lines.append((way.name, f"{took[way.name]:.2f}", f"{took[way.name] / first:.1f}", promise))
    return lines


def page(results: Sequence[tuple[Row, Mapping[str, float]]], counts: Mapping[str, int]) -> str:
    """The page of the documentation."""
    parts = [HEAD.format(machine=machine())]
    for row, took in results:
        lines = [line[:3] for line in lines_of(row, took)]
        parts += [titled(row.job), table(("Way", "Seconds", "Times as long"), lines)]
    if counts:
        parts += [titled("Requests"), "What one task asks of the cluster, counted on the wire.\n\n"]
        parts += [table(("Job", "Requests"), [(job, str(count)) for job, count in counts.items()])]
    return "".join(parts)


def titled(title: str) -> str:
    return f"\n{title}\n{'-' * len(title)}\n\n"


HEAD = """.. Copyright (c) 2026, community.aistore contributors
.. SPDX-License-Identifier: GPL-3.0-or-later

.. _ansible_collections.community.aistore.docsite.benchmarks:

Benchmarks
==========

How the collection compares with what one would use instead. All figures come from one run of

.. code-block:: console

    $ make bench                                        # prints these tables
    $ .venv/bin/python tests/bench/run.py --write       # and writes this page

The ways of a table were measured in turn on one cluster of one proxy and three targets on the same machine
({machine}); each figure is a median.
Seconds are that machine's. The ratio is what to compare: how many times as long as the first way. Everything but the
SDK is the wall time of a whole ``ansible-playbook``, its start included.
"""


def machine() -> str:
    from ansible.release import __version__

    return f"{os.cpu_count()} cores, Python {platform.python_version()}, ansible-core {__version__}, AIStore 5.0"


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    out = [".. list-table::", "   :header-rows: 1", "   :widths: auto", ""]
    for cells in (head, *rows):
        out += [f"   {'* -' if not number else '  -'} {cell}" for number, cell in enumerate(cells)]
    return "\n".join(out) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description="The collection beside what one would use instead.")
    parser.add_argument("--only", default="", help="rows whose name holds this")
    parser.add_argument("--rounds", type=int, help="of each row, instead of its own number")
    parser.add_argument("--write", action="store_true", help=f"write {PAGE.relative_to(ROOT)}")
    asked = parser.parse_args()
    results: list[tuple[Row, Mapping[str, float]]] = []
    counts: dict[str, int] = {}
    with prepared() as bench:
        for row in (row for row in ROWS if asked.only in row.name):
            results.append((row, measure(row, bench, asked.rounds or row.rounds)))
        if asked.only in "requests":
            counts = {job: requests_of(start, bench) for job, start in COUNTED.items()}
    broken = False
    for row, took in results:
        print(f"\n{row.job}")
        for name, seconds, ratio, promise in lines_of(row, took):
            print(f"  {name:<62} {seconds:>8} s {ratio:>7} x  {promise}")
            broken = broken or promise.endswith("BROKEN")
    print("\nRequests to the cluster" * bool(counts))
    for job, count in counts.items():
        print(f"  {job:<62} {count:>8}")
    if asked.write:
        PAGE.write_text(page(results, counts))
    if broken:
        raise SystemExit("A promise is broken.")


if __name__ == "__main__":
    main()
