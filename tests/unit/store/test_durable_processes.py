"""All or nothing in a folder: at the moment of a kill, and among racing writers, each a process of its own."""

from __future__ import annotations

import hashlib
import random
import subprocess
import sys
import threading
import time
from pathlib import Path

from rhapsode.store.library import Library

WRITER = """
import hashlib, os, sys
from pathlib import Path
from rhapsode.store.library import open_library
library, source = open_library(sys.argv[1]), Path(sys.argv[2])
def whole(size):
    body = os.urandom(size)
    return hashlib.sha256(body).digest() + body
print("ready", flush=True)
for i in range(10**6):
    library.write_bytes("one/name", whole(i * 7919 % 300_000))
    library.create_bytes(f"many/{os.getpid()}-{i}", whole(i * 104729 % 300_000))
    source.write_bytes(whole(i * 1299709 % 300_000))
    library.put_file(source, "one/file")
"""


def test_a_kill_at_any_moment_leaves_only_whole_files(folder: Library, tmp_path: Path) -> None:
    chance = random.Random(0)
    for _ in range(6):
        arguments = [sys.executable, "-c", WRITER, folder.root, str(tmp_path / "source")]
        with subprocess.Popen(arguments, stdout=subprocess.PIPE) as writer:
            assert writer.stdout is not None
            assert writer.stdout.readline() == b"ready\n"
            time.sleep(chance.uniform(0.01, 0.25))
            writer.kill()
    names = folder.list()
    assert len(names) > 6
    for name in names:
        data = folder.read_bytes(name)
        assert hashlib.sha256(data[32:]).digest() == data[:32], name


RACER = """
import sys, threading, time
from rhapsode.store.library import open_library
library, who, rounds = open_library(sys.argv[1]), sys.argv[2], int(sys.argv[3])
print("ready", flush=True)
start = float(sys.stdin.readline())
def race(me):
    mine = (me * 20_000).encode()
    for i in range(rounds):
        time.sleep(max(0.0, start + i * 0.03 - time.time()))
        if library.create_bytes(f"race/{i}", mine):
            print(i, me, flush=True)
threads = [threading.Thread(target=race, args=(who + letter,)) for letter in "abcd"]
for thread in threads: thread.start()
for thread in threads: thread.join()
"""


def test_of_sixteen_racing_writers_one_wins_and_nothing_torn_is_ever_seen(folder: Library) -> None:
    rounds = 20
    racers = [
        subprocess.Popen(
            [sys.executable, "-c", RACER, folder.root, who, str(rounds)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for who in "ABCD"
    ]
    for racer in racers:
        assert racer.stdout is not None
        assert racer.stdout.readline() == "ready\n"
    stop = threading.Event()
    torn: list[bytes] = []

    def look() -> None:
        while not stop.is_set():
            for name in folder.list("race"):
                data = folder.read_bytes(name)
                if data != data[:2] * 20_000:
                    torn.append(data)

    reader = threading.Thread(target=look)
    reader.start()
    start = f"{time.time() + 0.2}\n"
    claims = [line.split() for racer in racers for line in racer.communicate(start)[0].splitlines()]
    stop.set()
    reader.join()
    assert [racer.returncode for racer in racers] == [0] * 4
    assert not torn
    assert sorted(int(i) for i, _ in claims) == list(range(rounds))
    for i, winner in claims:
        assert folder.read_bytes(f"race/{i}") == (winner * 20_000).encode()
    assert folder.local is not None
    assert len(list((folder.local / "race").iterdir())) == rounds, "partial files were left"
