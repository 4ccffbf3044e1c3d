"""Terminals: --console-socket, run with a terminal of its own, size, exec --tty."""

import array
import errno
import fcntl
import os
import pty
import select
import signal
import socket
import struct
import termios
import time

import pytest

from conftest import NAME, OURS, lacking, wait_until


class ConsoleSocket:
    """The listening end that engines give; receives the terminal's descriptor."""

    def __init__(self, path):
        self.path = str(path)
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(self.path)
        self.listener.listen()
        self.listener.settimeout(20)

    def receive(self):
        connection, _ = self.listener.accept()
        with connection:
            connection.settimeout(20)
            _, ancillary, _, _ = connection.recvmsg(4096, socket.CMSG_SPACE(4))
            numbers = array.array("i")
            numbers.frombytes(ancillary[0][2][:4])
            return Terminal(numbers[0])

    def close(self):
        self.listener.close()


class Terminal:
    """The master end of a terminal."""

    def __init__(self, fd):
        self.fd, self.text = fd, ""

    def wait_for(self, word, timeout_s=20):
        deadline = time.monotonic() + timeout_s
        while word not in self.text:
            assert time.monotonic() < deadline, f"waited for {word!r}, got {self.text!r}"
            if not self.read():
                break
        assert word in self.text, f"the end came before {word!r}: {self.text!r}"
        return self.text

    def read(self):
        """Takes what is there; False at the end."""
        if not select.select([self.fd], [], [], 0.1)[0]:
            return True
        try:
            data = os.read(self.fd, 65536)
        except OSError as error:
            if error.errno != errno.EIO:  # EIO: nobody holds the other end any more
                raise
            return False
        self.text += data.decode(errors="replace")
        return bool(data)

    def read_all(self):
        while self.read():
            pass
        return self.text

    def write(self, text):
        os.write(self.fd, text.encode())

    def resize(self, rows, columns):
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def close(self):
        os.close(self.fd)


@pytest.fixture
def console(work):
    made = ConsoleSocket(work / "console.sock")
    yield made
    made.close()


@pytest.fixture
def outer():
    """A terminal like the one a person sits at: (what the person sees, the descriptor for the runtime)."""
    master, slave = pty.openpty()
    terminal = Terminal(master)
    terminal.resize(40, 100)
    yield terminal, slave
    terminal.close()
    os.close(slave)


def create(container, console, script, **size):
    container.process["terminal"] = True
    if size:
        container.process["consoleSize"] = size
    container.create("sh", "-c", script, options=["--console-socket", console.path])
    terminal = console.receive()
    container.oci("start", container.id, check=0)
    return terminal


def test_console_socket(container, console):
    terminal = create(container, console, "tty; [ -t 0 ] && [ -t 1 ] && [ -t 2 ] && echo three; read x; echo got $x")
    terminal.wait_for("three")
    assert "/dev/pts/0" in terminal.text or "/dev/console" in terminal.text
    terminal.write("word\n")
    terminal.wait_for("got word")
    terminal.close()


def test_console_device_is_the_terminal(container, console):
    terminal = create(container, console, "[ -c /dev/console ] && echo to console > /dev/console; sleep 1000")
    terminal.wait_for("to console")
    terminal.close()


def test_job_control_and_interrupt(container, console):
    terminal = create(container, console, "trap 'echo interrupted' INT; echo ready; while :; do sleep 0.1; done")
    terminal.wait_for("ready")
    terminal.write("\x03")
    terminal.wait_for("interrupted")
    terminal.close()


def test_controlling_terminal(container, console):
    terminal = create(container, console, "echo through > /dev/tty; sleep 1000")
    terminal.wait_for("through")
    terminal.close()


def test_console_size(container, console):
    terminal = create(container, console, "stty size; read x; stty size; sleep 1000", height=33, width=77)
    terminal.wait_for("33 77")
    terminal.resize(20, 50)
    terminal.write("\n")
    terminal.wait_for("20 50")
    terminal.close()


def test_size_change_signals_the_program(container, console):
    terminal = create(container, console, "trap 'echo changed $(stty size)' WINCH; echo ready; "
                                          "while :; do sleep 0.1; done")
    terminal.wait_for("ready")
    terminal.resize(21, 51)
    terminal.wait_for("changed 21 51")
    terminal.close()


def test_create_with_a_terminal_needs_a_socket(container):
    container.process["terminal"] = True
    container.write()
    result = container.oci("create", "--bundle", container.bundle, container.id)
    assert result.status != 0
    if OURS:
        assert "console" in result.errors


def test_socket_without_a_terminal_is_an_error(container, console):
    if NAME == "crun":
        pytest.skip("crun takes it")
    container.write()
    assert container.oci("create", "--bundle", container.bundle, "--console-socket", console.path,
                         container.id).status != 0


@pytest.mark.parametrize("path", ["missing", "config.json"])
def test_wrong_console_socket(container, path):
    container.process["terminal"] = True
    container.write()
    result = container.oci("create", "--bundle", container.bundle, "--console-socket", container.bundle / path,
                           container.id)
    assert result.status != 0 and result.errors
    assert container.oci("state", container.id).status != 0


def run_on_terminal(container, outer, script):
    """`run` with a terminal of its own, between a person's terminal and the container's."""
    terminal, slave = outer
    container.process["terminal"] = True
    container.process["args"] = ["sh", "-c", script]
    container.write()
    pid = os.fork()
    if pid == 0:
        os.setsid()
        fcntl.ioctl(slave, termios.TIOCSCTTY, 0)
        for fd in (0, 1, 2):
            os.dup2(slave, fd)
        words = container.command("run", "--bundle", container.bundle, container.id)
        os.execv(words[0], words)
    return terminal, pid


def end_of(pid):
    status = wait_until(lambda: (lambda found: found if found[0] else None)(os.waitpid(pid, os.WNOHANG)), "run ends")
    return os.waitstatus_to_exitcode(status[1])


@lacking("crun")
def test_run_on_a_terminal(container, outer):
    terminal, pid = run_on_terminal(container, outer, "tty; stty size; read x; echo got $x; exit 4")
    terminal.wait_for("40 100")
    terminal.write("word\r")
    terminal.wait_for("got word")
    assert end_of(pid) == 4


def test_run_restores_the_terminal(container, outer):
    before = termios.tcgetattr(outer[1])
    _, pid = run_on_terminal(container, outer, "true")
    assert end_of(pid) == 0
    assert termios.tcgetattr(outer[1]) == before


@lacking("crun")
def test_run_passes_on_a_new_size(container, outer):
    terminal, pid = run_on_terminal(container, outer, "trap 'stty size; exit' WINCH; echo ready; "
                                                      "while :; do sleep 0.1; done")
    terminal.wait_for("ready")
    terminal.resize(22, 66)
    os.kill(pid, signal.SIGWINCH)
    terminal.wait_for("22 66")
    assert end_of(pid) == 0


def test_run_passes_control_c_to_the_program(container, outer):
    terminal, pid = run_on_terminal(container, outer, "trap 'echo interrupted; exit 3' INT; echo ready; "
                                                      "while :; do sleep 0.1; done")
    terminal.wait_for("ready")
    terminal.write("\x03")
    terminal.wait_for("interrupted")
    assert end_of(pid) == 3


def test_long_output_arrives_whole(container, outer):
    terminal, pid = run_on_terminal(container, outer, "seq 1 20000; echo the end")
    terminal.wait_for("the end")
    assert [line for line in terminal.text.replace("\r", "").split("\n") if line][-2] == "20000"
    assert len(terminal.text.split()) == 20002
    assert end_of(pid) == 0


def test_exec_with_a_console_socket(container, console):
    container.start()
    process = container.spawn("exec", "--tty", "--console-socket", console.path, "--detach", container.id, "sh", "-c",
                              "tty; echo in; sleep 1000")
    terminal = console.receive()
    assert container.result(process).status == 0
    terminal.wait_for("in")
    terminal.close()


def test_exec_on_a_terminal(container, outer):
    container.start()
    terminal, slave = outer
    process = container.spawn("exec", "--tty", container.id, "sh", "-c", "stty size; read x; echo got $x; exit 6",
                              stdin=slave)
    # Output of the runtime goes to a file: what the program writes comes by the terminal it was given.
    terminal.write("word\n")
    result = container.result(process)
    assert result.status == 6, result.errors
    assert "got word" in result.output


@lacking("crun", "runc")
def test_terminal_belongs_to_the_user(container, console):
    container.process["user"] = {"uid": 0, "gid": 0}
    terminal = create(container, console, "stat -c '%u %a' $(tty); sleep 1000")
    terminal.wait_for("0 620")
    terminal.close()
