"""Runs the tests of the Python suite: a line a test, a time limit each, several at once."""

import concurrent.futures
import itertools
import re
import sys
import threading
import time
import traceback

LIMIT = 60
TESTS = []
BROKER = sys.argv[1] if len(sys.argv) > 1 else ""
STAMP = int(time.time() * 1000) % 100_000_000
_numbers = itertools.count(1)


def test(function):
    """Registers a function of no arguments as a test, by the names of its module and itself."""
    TESTS.append((f"{function.__module__.removeprefix('with_').replace('_', '-')}/{function.__name__.replace('_', '-')}", function))
    return function


def name(kind):
    """A name nobody else uses."""
    return f"py-{kind}-{STAMP}-{next(_numbers)}"


def equal(got, want, what=""):
    assert got == want, f"{what}: got {got!r}, want {want!r}"


def until(what, holds, seconds=30):
    """Waits until a condition holds, and returns what it gave."""
    end = time.monotonic() + seconds
    while True:
        got = holds()
        if got:
            return got
        assert time.monotonic() < end, f"waited in vain: {what}"
        time.sleep(0.05)


def raises(kinds, what, run):
    """The error that `run` ends with, which must be of these kinds."""
    try:
        run()
    except kinds as error:
        return error
    raise AssertionError(f"{what}: no error")


def _run(entry):
    title, function = entry
    done = []

    def body():
        try:
            function()
            done.append(f"PASS {title}")
        except BaseException as error:  # a failed assertion or whatever the client raises
            where = traceback.extract_tb(error.__traceback__)
            line = next((f.lineno for f in reversed(where) if "/with_" in f.filename), 0)
            done.append(" ".join(f"FAIL {title} line {line}: {type(error).__name__}: {error}".split())[:300])

    thread = threading.Thread(target=body, daemon=True)
    thread.start()
    thread.join(LIMIT)
    return done[0] if done else f"FAIL {title} took more than {LIMIT} s"


def main():
    pick = re.compile(sys.argv[2] if len(sys.argv) > 2 else ".")
    failed = False
    with concurrent.futures.ThreadPoolExecutor(5) as pool:
        for line in pool.map(_run, [t for t in TESTS if pick.search(t[0])]):
            print(line, flush=True)
            failed = failed or line.startswith("FAIL")
    sys.stdout.flush()
    import os

    os._exit(1 if failed else 0)  # threads of tests that hang do not count
