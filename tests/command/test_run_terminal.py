"""`rung run -it`: a terminal like the one a person sits at."""

import os
import pty
import signal
import subprocess
import termios

import pytest
from running import run  # noqa: F401 (a fixture)
from test_oci_terminal import Terminal


@pytest.fixture
def seat(run):
    """start(script, options) -> (terminal, process), with the person's terminal as all three streams."""
    master, slave = pty.openpty()
    terminal = Terminal(master)
    terminal.resize(40, 100)
    terminal.modes = lambda: termios.tcgetattr(slave)

    def start(script, options="-it"):
        return terminal, run.popen(script, options, stdin=slave, stdout=slave, stderr=slave, start_new_session=True)

    yield start
    terminal.close()
    os.close(slave)


def test_terminal(run, seat):
    terminal, process = seat("tty; stty size; read line; echo got $line; exit 5")
    terminal.wait_for("40 100")
    assert "/dev/pts/0" in terminal.text or "/dev/console" in terminal.text
    terminal.write("word\n")
    terminal.wait_for("got word")
    assert run.end(process) == 5


def test_resize(run, seat):
    terminal, process = seat("trap 'stty size; exit' WINCH; echo ready; while :; do sleep 0.05; done")
    terminal.wait_for("ready")
    terminal.resize(11, 22)
    process.send_signal(signal.SIGWINCH)
    terminal.wait_for("11 22")
    assert run.end(process) == 0


@pytest.mark.parametrize("options", ["-it", "-it --init"])
def test_interrupt_key(run, seat, options):
    terminal, process = seat("trap 'echo interrupted; exit 9' INT; echo ready; while :; do sleep 0.05; done", options)
    terminal.wait_for("ready")
    terminal.write("\x03")
    terminal.wait_for("interrupted")
    assert run.end(process) == 9


def test_modes_come_back(run, seat):
    terminal, process = seat("echo ready; read line")
    terminal.wait_for("ready")
    raw = terminal.modes()
    terminal.write("\n")
    assert run.end(process) == 0
    assert terminal.modes() != raw and terminal.modes()[3] & termios.ICANON and terminal.modes()[3] & termios.ECHO


def test_modes_come_back_after_a_signal(run, seat):
    terminal, process = seat("echo ready; exec sleep 1000", "-it --init")
    terminal.wait_for("ready")
    process.send_signal(signal.SIGTERM)
    assert run.end(process) == 128 + signal.SIGTERM
    assert terminal.modes()[3] & termios.ICANON and terminal.modes()[3] & termios.ECHO


def test_hang_up_ends_a_shell(run, seat):
    terminal, process = seat("echo ready; exec sleep 1000", "-it --init")
    terminal.wait_for("ready")
    process.send_signal(signal.SIGHUP)
    assert run.end(process) == 128 + signal.SIGHUP


def test_end_of_input(run, seat):
    terminal, process = seat(["cat"])
    terminal.write("line\n")
    terminal.wait_for("line\r\nline")
    terminal.write("\x04")
    assert run.end(process) == 0


def test_last_line_is_not_lost(run, seat):
    terminal, process = seat("seq 1 20000; echo the end")
    terminal.wait_for("the end")
    assert "\r\n19999\r\n20000\r\nthe end" in terminal.text
    assert run.end(process) == 0


def test_tty_without_a_terminal(run):
    """-t in a script: bytes are carried, the program has a terminal."""
    result = run("tty; read line; echo got $line", "-it", data=b"word\n")
    assert result.status == 0 and "got word" in result.output and "not a tty" not in result.output


def test_interactive_without_tty(run):
    process = run.start("echo ready; read line; echo got $line; tty", "-i", stdin=subprocess.PIPE)
    process.stdin.write(b"word\n")
    process.stdin.close()
    assert process.stdout.read() == b"got word\nnot a tty\n" and run.end(process) == 1
