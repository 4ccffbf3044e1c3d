"""rung-init: PID 1 for programs that were not written to be one; here outside of any container, too."""

import os
import pathlib
import signal
import subprocess

import pytest
from conftest import wait_until
from running import RUNG, run  # noqa: F401 (a fixture)

PLACES = ["src/programs/rung-init", "rung-init", "../libexec/rung/rung-init"]
INIT = next((str(pathlib.Path(RUNG).parent / place) for place in PLACES
             if os.access(pathlib.Path(RUNG).parent / place, os.X_OK)), None)
needs_init = pytest.mark.skipif(not INIT, reason="rung-init is not built")


def init(*words, **more):
    return subprocess.run([INIT, *words], capture_output=True, text=True, timeout=60, check=False, **more)


@needs_init
def test_status():
    assert init("sh", "-c", "exit 0").returncode == 0
    assert init("sh", "-c", "exit 255").returncode == 255
    assert init("--", "sh", "-c", "kill -9 $$").returncode == 137
    assert init("no-such-program").returncode == 127
    assert init("/etc/passwd").returncode == 126
    assert init().returncode == 125 and "usage" in init().stderr


@needs_init
def test_is_small_and_static():
    assert os.stat(INIT).st_size < 100_000
    assert b"ld-linux" not in pathlib.Path(INIT).read_bytes() and b"ld-musl" not in pathlib.Path(INIT).read_bytes()


@needs_init
@pytest.mark.parametrize("name", ["HUP", "INT", "QUIT", "USR1", "USR2", "TERM", "CONT", "WINCH", "ALRM"])
def test_passes_signals_on(name):
    script = f"trap 'echo got; exit 4' {name}; echo ready; while :; do sleep 0.05; done"
    with subprocess.Popen([INIT, "bash", "-c", script], stdout=subprocess.PIPE, start_new_session=True) as process:
        assert process.stdout.readline() == b"ready\n"
        process.send_signal(getattr(signal, f"SIG{name}"))
        assert process.stdout.read() == b"got\n" and process.wait() == 4


@needs_init
def test_program_finds_signals_as_they_were():
    shown = init("grep", "-E", "SigBlk|SigIgn", "/proc/self/status").stdout.split()
    own = subprocess.run(["grep", "-E", "SigBlk|SigIgn", "/proc/self/status"], capture_output=True, text=True,
                         check=True).stdout.split()
    assert shown == own


def test_is_process_1_and_buries_orphans(run):
    script = ("for i in 1 2 3 4 5; do (sleep 0.1 & ) ; done; sleep 0.6; "
              "for f in /proc/[0-9]*/stat; do cut -d' ' -f3 $f; done | grep -c Z; cat /proc/1/comm")
    assert run(script, "--init", check=0).output.split() == ["0", "rung-init"]


def test_program_without_reactions_to_signals_ends(run):
    process = run.start("echo ready; exec sleep 1000", "--init")
    process.send_signal(signal.SIGTERM)
    assert run.end(process) == 143


def test_orphans_end_with_the_program(run):
    process = run.start("sleep 1000 & echo ready; exit 6", "--init")
    assert run.end(process) == 6
    wait_until(lambda: process.stdout.read() == b"", "the orphan ends")


def test_needs_nothing_of_the_image(run):
    for name in ("run", "dev"):
        (run.rootfs / name).rmdir()
    assert run("exit 3", "--init --read-only").status == 3
