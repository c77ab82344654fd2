# Copyright (c) 2026, community.aistore contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The collection beside what one would use instead, each row on one cluster in one run.

    .venv/bin/python tests/bench/run.py                  # all rows; `make bench`
    .venv/bin/python tests/bench/run.py --only loop      # rows whose name holds a word
    .venv/bin/python tests/bench/run.py --write          # and docs/docsite/rst/benchmarks.rst,
                                                         # with the latest figures of the other rows

A row is a job and the ways to do it. The ways take turns, so that whatever else the machine does
falls on all of them; a figure is the median of the rounds. Seconds are this machine's; compare the
ratios. The first way is the collection's, and the others are given as multiples of it.
"""

from __future__ import annotations

import argparse
import contextlib
import functools
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "tests/cluster"), str(ROOT / "roles/sandbox/files")]

from relay import Relay  # noqa: E402
from sandbox import Sandbox, Spec  # noqa: E402

PAGE = ROOT / "docs/docsite/rst/benchmarks.rst"
#: The latest figures of each row, so that a row can be measured again without the others.
LATEST = ROOT / ".cache/bench.json"
RIVALS = ROOT / ".cache/bench"
OURS = Path(sys.executable).parent
COLLECTION = "community.aistore."
MIB = 1024 * 1024


@dataclass
class Seen:
    """What a run has made and noticed so far."""

    names: int = 0
    standing: int = 0
    bucket: str = ""
    #: Of the last program and the processes it waited for, the largest: bytes.
    peak: int = 0


@dataclass(frozen=True)
class Bench:
    """One run: a cluster, and a directory to work in."""

    endpoint: str
    scratch: Path
    seen: Seen = field(default_factory=Seen)

    def fresh(self) -> str:
        """A name that nothing has used yet."""
        self.seen.names += 1
        return f"bench{self.seen.names:04}"

    def bucket(self) -> str:
        """A new bucket; the one before is destroyed."""
        if self.seen.bucket:
            self._call("DELETE", self.seen.bucket, "destroy-bck")
            # The cluster keeps it for a while; that fills the machine's memory, and whoever writes next waits for that.
            for rest in self.scratch.glob("box/*/*/.$deleted/*"):
                shutil.rmtree(rest, ignore_errors=True)
        self.seen.bucket = self.fresh()
        self._call("POST", self.seen.bucket, "create-bck")
        return self.seen.bucket

    def _call(self, method: str, bucket: str, action: str) -> None:
        url, body = f"{self.endpoint}/v1/buckets/{bucket}", json.dumps({"action": action}).encode()
        headers = {"Content-Type": "application/json"}
        request = urllib.request.Request(url, body, headers, method=method)
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        opener.open(request, timeout=60).close()

    def run(self, *command: str | Path, **env: str) -> str:
        """Run a program to its end and return what it printed."""
        printed, peak = self.scratch / "printed", self.scratch / "peak"
        # A small process in between, for a new one counts as its own what its parent weighs.
        between = (sys.executable, "-ISc", MEASURED, peak, *command)
        with printed.open("w") as out:
            done = subprocess.run(
                between,
                cwd=self.scratch,
                env={**self._environment(), **env},
                stdout=out,
                stderr=out,
                check=False,
            )
        if done.returncode:
            raise SystemExit(f"{command} ended with {done.returncode}\n{printed.read_text()}")
        self.seen.peak = int(peak.read_text())
        return printed.read_text()

    def _environment(self) -> dict[str, str]:
        """This process's, without what it says about Ansible, AIStore, AWS and Python."""
        alien = ("ANSIBLE_", "AIS_", "AWS_", "PYTHON")
        kept = {k: v for k, v in os.environ.items() if not k.startswith(alien)}
        config = self.scratch / "ansible.cfg"
        config.touch()
        return {**kept, "HOME": str(self.scratch), "ANSIBLE_CONFIG": str(config), "NO_PROXY": "*"}

    def play(self, task: Mapping[str, Any], changed: int = 0, *, of: Path = OURS, **env: str) -> None:
        """Play one task, which has to report a change or none, as said."""
        play = {"hosts": "localhost", "gather_facts": False, "tasks": [{**task, "name": "task"}]}
        book, hosts = self.scratch / "play.json", self.scratch / "hosts"
        book.write_text(json.dumps([play]))
        hosts.write_text(f"localhost ansible_connection=local ansible_python_interpreter={of}/python\n")
        told = self.run(of / "ansible-playbook", "-i", hosts, book, **env)
        if f"changed={changed} " not in told:
            raise SystemExit(f"changed={changed} was expected of {task}:\n{told}")

    def script(self, text: str, *args: str | Path) -> float:
        """Run a Python program with the rivals' packages; it prints the seconds its work took."""
        program = self.scratch / "program.py"
        program.write_text(text)
        return float(self.run(RIVALS / "bin/python", program, self.endpoint, *args).split()[-1])

    def files(self, count: int, size: int) -> Path:
        """A directory of files of random bytes, ten directories deep in all."""
        folder = self.scratch / f"files-{count}-{size}"
        for number in range(0 if folder.exists() else count):
            file = folder / f"{number % 10}" / f"{number:05}"
            file.parent.mkdir(parents=True, exist_ok=True)
            with file.open("wb") as out:
                for start in range(0, size, MIB):
                    out.write(os.urandom(min(MIB, size - start)))
        return folder


#: Runs a program, and writes the bytes that the largest of its processes took into a file.
MEASURED = """
import resource, subprocess, sys
code = subprocess.call(sys.argv[2:])
unit = 1 if sys.platform == "darwin" else 1024
with open(sys.argv[1], "w") as file:
    file.write(str(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * unit))
sys.exit(code)
"""

#: What is timed. A number that it returns is its own time in seconds, without the start of a Python.
Work = Callable[[], Any]
#: Prepares a round and returns the work.
Start = Callable[[Bench], Work]


class Limit(NamedTuple):
    """What the collection promises: at most so many times as long, and so many seconds more.

    It is about the first way of the row, or about ``what``.
    """

    times: float
    seconds: float = 0.0
    what: str = ""


class Took(NamedTuple):
    seconds: float
    peak: int


@dataclass(frozen=True)
class Row:
    name: str
    job: str
    ways: Mapping[str, Start]
    #: Way -> the most that the first one may take compared with it.
    limits: Mapping[str, Limit] = field(default_factory=dict)
    #: The most memory, in MiB, that the first way may take.
    memory: int = 0
    rounds: int = 3
    #: A way, whose time is taken off that of the first in each round; what is left is told as BEYOND.
    start: str = ""


# --- buckets

ITEM = "{{ item }}"
DIRECT, ORDINARY = {"ANSIBLE_AISTORE_DIRECT": "always"}, {"ANSIBLE_AISTORE_DIRECT": "never"}
S3 = {"access_key": "any", "secret_key": "any", "region": "us-east-1"}


def our(bench: Bench, module: str, **options: Any) -> dict[str, Any]:
    return {COLLECTION + module: {"endpoint": bench.endpoint, **options}}


def existing(bench: Bench, count: int) -> list[str]:
    names = [f"standing{number:04}" for number in range(count)]
    if bench.seen.standing < count:
        bench.play({**our(bench, "ais_bucket", name=names), "changed_when": False})
        bench.seen.standing = count
    return names


def loop(task: Callable[[Bench], dict[str, Any]], of: Path = OURS, **env: str) -> Start:
    """A task in a loop over a hundred buckets, nothing of which changes."""

    def start(bench: Bench) -> Work:
        looped = {**task(bench), "loop": existing(bench, 100)}
        return lambda: bench.play(looped, of=of, **env)

    return start


def one_bucket(bench: Bench) -> dict[str, Any]:
    return our(bench, "ais_bucket", name=ITEM)


def uri(bench: Bench) -> dict[str, Any]:
    url = f"{bench.endpoint}/v1/buckets/{ITEM}"
    return {"ansible.builtin.uri": {"url": url, "method": "HEAD"}}


def s3_bucket(bench: Bench) -> dict[str, Any]:
    return {"amazon.aws.s3_bucket": {"name": ITEM, "endpoint_url": f"{bench.endpoint}/s3", **S3}}


def unchanged(count: int) -> Start:
    def start(bench: Bench) -> Work:
        task = our(bench, "ais_bucket", name=existing(bench, count))
        return lambda: bench.play(task)

    return start


def created(bench: Bench) -> Work:
    prefix = bench.fresh()
    task = our(bench, "ais_bucket", name=[f"{prefix}-{number}" for number in range(100)])
    return lambda: bench.play(task, 1)


def builtin(name: str, **options: Any) -> Start:
    """A playbook of one task of Ansible's own: what a playbook costs anyway."""
    return lambda bench: lambda: bench.play({f"ansible.builtin.{name}": options})


SDK = """
import sys, time
from aistore.sdk import Client
client = Client(sys.argv[1])
began = time.perf_counter()
{}
print(time.perf_counter() - began)
"""
SDK_HEADS = SDK.format("for n in range(1000): client.bucket(f'standing{n:04}').head()")
SDK_CREATES = SDK.format("for n in range(100): client.bucket(f'{sys.argv[2]}-{n}').create()")
SDK_FILES = SDK.format("client.bucket(sys.argv[2]).put_files(sys.argv[3], recursive=True, verbose=False)")


def sdk_heads(bench: Bench) -> Work:
    existing(bench, 1000)
    return lambda: bench.script(SDK_HEADS)


def sdk_creates(bench: Bench) -> Work:
    prefix = bench.fresh()
    return lambda: bench.script(SDK_CREATES, prefix)


# --- objects

KIB4 = 4096
GIB = 1024 * MIB


def sync(count: int, again: bool = False) -> Start:
    def start(bench: Bench) -> Work:
        folder, bucket = bench.files(count, KIB4), bench.bucket()
        task = our(bench, "ais_sync", src=str(folder), dest=f"ais://{bucket}/")
        if again:
            bench.play(task, 1)
        return lambda: bench.play(task, 0 if again else 1)

    return start


def s3_sync(again: bool = False) -> Start:
    def start(bench: Bench) -> Work:
        options = {"bucket": bench.bucket(), "file_root": str(bench.files(1000, KIB4)), **S3}
        task = {"community.aws.s3_sync": {**options, "endpoint_url": f"{bench.endpoint}/s3"}}
        if again:
            bench.play(task, 1, of=RIVALS / "bin")
        return lambda: bench.play(task, 0 if again else 1, of=RIVALS / "bin")

    return start


def sdk_files(count: int) -> Start:
    def start(bench: Bench) -> Work:
        folder, bucket = bench.files(count, KIB4), bench.bucket()
        return lambda: bench.script(SDK_FILES, bucket, folder)

    return start


def s5cmd(count: int) -> Start:
    def start(bench: Bench) -> Work:
        folder, bucket = bench.files(count, KIB4), bench.bucket()
        keys = {"AWS_ACCESS_KEY_ID": "any", "AWS_SECRET_ACCESS_KEY": "any", "AWS_REGION": "us-east-1"}
        command = (RIVALS / "bin/s5cmd", "--endpoint-url", f"{bench.endpoint}/s3", "cp")
        return lambda: bench.run(*command, f"{folder}/", f"s3://{bucket}/", **keys)

    return start


def command(work: Callable[[Bench, Callable[..., Any]], Work]) -> Start:
    """What `work` runs as a program, in a playbook: what one would write without the collection."""

    def run(bench: Bench, *argv: str | Path) -> None:
        bench.play({"ansible.builtin.command": {"argv": [str(each) for each in argv]}}, 1)

    return lambda bench: work(bench, functools.partial(run, bench))


def program(work: Callable[[Bench, Callable[..., Any]], Work]) -> Start:
    return lambda bench: work(bench, bench.run)


def one(bench: Bench, size: int) -> Path:
    return bench.files(1, size) / "0/00000"


def upload(size: int) -> Start:
    def start(bench: Bench) -> Work:
        task = our(bench, "ais_object", bucket=bench.bucket(), name="one", src=str(one(bench, size)))
        return lambda: bench.play(task, 1)

    return start


def curl_upload(bench: Bench, run: Callable[..., Any], size: int = GIB) -> Work:
    url = f"{bench.endpoint}/v1/objects/{bench.bucket()}/one"
    return lambda: run("curl", "-fsSL", "-T", one(bench, size), url)


def fetched(bench: Bench, size: int = GIB) -> Path:
    """A name for a file to fetch the object to; both are ready."""
    curl_upload(bench, bench.run, size)()
    dest = bench.scratch / "fetched"
    dest.unlink(missing_ok=True)
    return dest


def download(size: int) -> Start:
    def start(bench: Bench) -> Work:
        dest = str(fetched(bench, size))
        task = our(bench, "ais_object", bucket=bench.seen.bucket, name="one", state="fetched", dest=dest)
        return lambda: bench.play(task, 1)

    return start


def curl_download(bench: Bench, run: Callable[..., Any]) -> Work:
    dest = fetched(bench)
    url = f"{bench.endpoint}/v1/objects/{bench.seen.bucket}/one"
    return lambda: run("curl", "-fsSL", "-o", dest, url)


TINY, BEYOND = "ais_object, of one byte", "ais_object, beyond that"
#: As curl in a playbook; and as curl itself, beyond what a playbook takes for the smallest object.
AS_CURL = {"curl in ansible.builtin.command": Limit(1.3), "curl alone": Limit(1.3, what=BEYOND)}

ROWS = (
    Row(
        "loop",
        "A loop of 100 buckets, all as they should be",
        {
            "ais_bucket": loop(one_bucket, **DIRECT),
            "ais_bucket with ansible_aistore_direct: never": loop(one_bucket, **ORDINARY),
            "ansible.builtin.debug": loop(lambda bench: {"ansible.builtin.debug": {"msg": ITEM}}),
            "ansible.builtin.ping": loop(lambda bench: {"ansible.builtin.ping": {}}),
            "ansible.builtin.uri, one HEAD": loop(uri),
            "amazon.aws.s3_bucket": loop(s3_bucket, of=RIVALS / "bin"),
        },
        limits={"ansible.builtin.ping": Limit(1 / 15), "ansible.builtin.debug": Limit(2.5)},
        rounds=2,
    ),
    Row(
        "task",
        "1,000 buckets in one task, all as they should be",
        {
            "ais_bucket": unchanged(1000),
            "a playbook with one ansible.builtin.ping": builtin("ping"),
            "1,000 HEADs with the AIStore Python SDK": sdk_heads,
        },
        limits={"a playbook with one ansible.builtin.ping": Limit(1.2)},
        rounds=5,
    ),
    Row(
        "create",
        "100 new buckets in one task",
        {
            "ais_bucket": created,
            "100 creates with the AIStore Python SDK": sdk_creates,
        },
    ),
    Row(
        "sync first",
        "1,000 files of 4 KiB, all new",
        {
            "ais_sync": sync(1000),
            "put_files of the AIStore Python SDK": sdk_files(1000),
            "community.aws.s3_sync": s3_sync(),
            "s5cmd cp": s5cmd(1000),
        },
        limits={"put_files of the AIStore Python SDK": Limit(1.2)},
    ),
    Row(
        "sync again",
        "1,000 files of 4 KiB, none of them changed",
        {
            "ais_sync": sync(1000, again=True),
            "a playbook with one ansible.builtin.debug": builtin("debug"),
            "community.aws.s3_sync": s3_sync(again=True),
        },
        limits={"a playbook with one ansible.builtin.debug": Limit(1, 0.5)},
    ),
    Row(
        "sync many",
        "10,000 files of 4 KiB, all new",
        {
            "ais_sync": sync(10000),
            "put_files of the AIStore Python SDK": sdk_files(10000),
            "s5cmd cp": s5cmd(10000),
        },
        memory=150,
        rounds=1,
    ),
    Row(
        "big up",
        "An object of 1 GiB, up",
        {
            "ais_object": upload(GIB),
            TINY: upload(1),
            "curl in ansible.builtin.command": command(curl_upload),
            "curl alone": program(curl_upload),
        },
        limits=AS_CURL,
        memory=150,
        rounds=7,
        start=TINY,
    ),
    Row(
        "big down",
        "An object of 1 GiB, down",
        {
            "ais_object": download(GIB),
            TINY: download(1),
            "curl in ansible.builtin.command": command(curl_download),
            "curl alone": program(curl_download),
        },
        limits=AS_CURL,
        memory=150,
        rounds=7,
        start=TINY,
    ),
)

#: Job -> the work whose requests are counted, while nothing else asks.
COUNTED = {
    "1 bucket, unchanged": unchanged(1),
    "1,000 buckets in one task, unchanged": unchanged(1000),
    "a loop of 100 buckets, unchanged": loop(one_bucket, **DIRECT),
    "a loop of 100 buckets with amazon.aws.s3_bucket, unchanged": loop(s3_bucket, of=RIVALS / "bin"),
    "100 new buckets in one task": created,
    "ais_sync of 1,000 files, all new": sync(1000),
    "ais_sync of 1,000 files, unchanged": sync(1000, again=True),
}


# --- how it is measured


def measure(row: Row, bench: Bench, rounds: int) -> dict[str, Took]:
    """Way -> median seconds, largest peak."""
    took: dict[str, list[Took]] = {way: [] for way in row.ways}
    for number in range(rounds):
        for way in list(row.ways)[:: 1 if number % 2 == 0 else -1]:
            work = row.ways[way](bench)
            os.sync()  # what the ways before have written is not for this one to wait for
            began = time.perf_counter()
            own = work()
            seconds = own if isinstance(own, float) else time.perf_counter() - began
            took[way].append(Took(seconds, bench.seen.peak))
            print(f"  {row.name} {number + 1}/{rounds}: {seconds:7.2f} s  {way}", file=sys.stderr)
    if row.start:
        pairs = list(zip(took[next(iter(row.ways))], took[row.start]))
        took[BEYOND] = [Took(first.seconds - start.seconds, first.peak) for first, start in pairs]
    return {
        way: Took(statistics.median(each.seconds for each in all_), max(each.peak for each in all_))
        for way, all_ in took.items()
    }


def requests_of(start: Start, bench: Bench) -> int:
    """How many requests reach the proxy; those that it sends on to targets are not ours to count."""
    with Relay(bench.endpoint) as relay:
        work = start(replace(bench, endpoint=relay.url))
        relay.reset()
        work()
        return len(relay.requests)


def broken(row: Row, took: Mapping[str, Took]) -> Iterator[str]:
    """The promises that a row breaks."""
    first, *_others = row.ways
    for way, limit in row.limits.items():
        most, what = limit.times * took[way].seconds + limit.seconds, limit.what or first
        if took[what].seconds > most:
            yield f"{row.name}: {what} took {took[what].seconds:.2f} s, {most:.2f} s is the most (by {way})"
    if row.memory and took[first].peak > row.memory * MIB:
        yield f"{row.name}: {first} took {took[first].peak // MIB} MiB, {row.memory} is the most"


@dataclass
class Results:
    """Row -> way -> what it took; job -> requests."""

    rows: dict[str, dict[str, Took]] = field(default_factory=dict)
    requests: dict[str, int] = field(default_factory=dict)

    @classmethod
    def latest(cls) -> Results:
        """What runs before this one have found."""
        if not LATEST.exists():
            return cls()
        kept = json.loads(LATEST.read_text())
        rows = {row: {way: Took(*took) for way, took in ways.items()} for row, ways in kept["rows"].items()}
        return cls(rows, kept["requests"])

    def keep(self) -> None:
        LATEST.write_text(json.dumps(asdict(self)))


@contextlib.contextmanager
def prepared() -> Iterator[Bench]:
    """A cluster for the run, and the rivals in a virtual environment of their own."""
    wanted = Path(__file__).with_name("requirements.txt")
    stamp = RIVALS / "installed.txt"
    if not stamp.exists() or stamp.read_text() != wanted.read_text():
        uv = functools.partial(subprocess.run, check=True)
        uv([OURS / "uv", "--quiet", "venv", "--clear", "--python", sys.executable, RIVALS])
        uv([OURS / "uv", "--quiet", "pip", "install", "--python", RIVALS / "bin/python", "--requirements", wanted])
        stamp.write_text(wanted.read_text())
    with tempfile.TemporaryDirectory(prefix="bench-", ignore_cleanup_errors=True) as scratch:
        # What community.aws.s3_sync needs of the cluster: the feature S3-Reverse-Proxy.
        spec = Spec(version="5.0", proxies=1, targets=3, config={"features": str(1 << 13)})
        box = Sandbox(Path(scratch, "box"), spec)
        try:
            box.start()
            yield Bench(box.endpoint, Path(scratch))
        finally:
            box.remove()


# --- how it is told


def lines_of(row: Row, took: Mapping[str, Took]) -> list[list[str]]:
    """Of each way: name, seconds, ratio to the first, and peak memory where it matters."""
    first = took[next(iter(row.ways))].seconds
    head = ["Way", "Seconds", "Times as long"] + ["Memory, MiB"] * bool(row.memory)
    lines = [
        [way, f"{each.seconds:.2f}", f"{each.seconds / first:.1f}", f"{each.peak / MIB:.0f}"]
        for way, each in took.items()
    ]
    return [head, *(line[: len(head)] for line in lines)]


def page(results: Results) -> str:
    """The page of the documentation."""
    parts = [HEAD.format(machine=machine())]
    for row in (row for row in ROWS if row.name in results.rows):
        parts += [titled(row.job), table(lines_of(row, results.rows[row.name]))]
    parts += [titled("Requests"), "What one task asks of the cluster, counted on the wire.\n\n"]
    counts = [[job, str(count)] for job, count in results.requests.items()]
    parts += [table([["Job", "Requests"], *counts])]
    return "".join(parts)


HEAD = """..
  Copyright (c) 2026, community.aistore contributors
  GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
  SPDX-License-Identifier: GPL-3.0-or-later

.. _ansible_collections.community.aistore.docsite.benchmarks:

Benchmarks
==========

How the collection compares with what one would use instead. To repeat it:

.. code-block:: console

    $ make bench                                        # prints these figures
    $ .venv/bin/python tests/bench/run.py --write       # and writes this page

All ways of a table were measured in turn in one run, on one cluster of one proxy and three targets on the same machine
({machine}), and each figure is a median. Seconds are that machine's; the ratio is what to compare, how many times as
long as the first way. Everything of Ansible is the wall time of a whole ``ansible-playbook``, its start included;
the AIStore Python SDK is without the start of its Python. Memory is the peak of the largest process. *Beyond that* is what
a playbook with 1 GiB takes longer than one with a single byte, in the same round.
"""


def titled(title: str) -> str:
    return f"\n{title}\n{'-' * len(title)}\n\n"


def machine() -> str:
    from ansible.release import __version__

    python = platform.python_version()
    return f"{os.cpu_count()} cores, Python {python}, ansible-core {__version__}, AIStore 5.0"


def table(rows: Sequence[Sequence[str]]) -> str:
    out = [".. list-table::", "   :header-rows: 1", "   :widths: auto", ""]
    for cells in rows:
        out += [f"   {'  -' if number else '* -'} {cell}" for number, cell in enumerate(cells)]
    return "\n".join(out) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description="The collection beside what one would use instead.")
    parser.add_argument("--only", default="", help="rows whose name holds this, or 'requests'")
    parser.add_argument("--rounds", type=int, help="of each row, instead of its own number")
    parser.add_argument("--write", action="store_true", help=f"write {PAGE.relative_to(ROOT)}")
    asked = parser.parse_args()
    rows = [row for row in ROWS if asked.only in row.name]
    results = Results.latest()
    with prepared() as bench:
        for row in rows:
            results.rows[row.name] = measure(row, bench, asked.rounds or row.rounds)
            results.keep()
        if asked.only in "requests":
            results.requests = {job: requests_of(start, bench) for job, start in COUNTED.items()}
            results.keep()
    for row in rows:
        print(f"\n{row.job}")
        for way, *figures in lines_of(row, results.rows[row.name]):
            print(f"  {way:<48}" + "".join(f"{figure:>16}" for figure in figures))
    if asked.only in "requests":
        print("\nRequests to the cluster")
        for job, count in results.requests.items():
            print(f"  {job:<60} {count:>6}")
    if asked.write:
        PAGE.write_text(page(results))
    if complaints := [each for row in rows for each in broken(row, results.rows[row.name])]:
        raise SystemExit("\n".join(complaints))


if __name__ == "__main__":
    main()
