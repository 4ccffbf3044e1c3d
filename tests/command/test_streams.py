"""attach, and the streams of run and start -a: who gets what, in which order, and who waits for whom."""

import os
import pathlib
import re
import signal
import socket
import struct
import subprocess
import time

import pytest
from conftest import LIVE, only_rung, wait_until
from living import rung  # noqa: F401
from terminals import terminal  # noqa: F401

pytestmark = only_rung

# What makes a run go through its monitor although it has no image.
KEPT = ["--log-driver", "k8s-file"]


def background(rung, *words, **more):
    return rung.popen(*words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **more)


def finish(process, data=None, timeout_s=60):
    output, errors = process.communicate(data, timeout_s)
    LIVE.pop(process.pid)
    return process.returncode, output, errors


def monitor_of(rung, identity):
    return rung.record(identity)["monitorPid"]


# ---- run


def test_run_is_exact_in_both_directions(rung):
    data = os.urandom(3_000_000)
    process = background(rung, "run", "--rm", "-i", *KEPT, rung.tree, "cat", stdin=subprocess.PIPE)
    assert finish(process, data)[:2] == (0, data)


def test_end_of_input_reaches_the_program(rung):
    process = background(rung, "run", "--rm", "-i", *KEPT, rung.tree, "sh", "-c", "wc -c; echo end", stdin=subprocess.PIPE)
    assert finish(process, b"12345")[:2] == (0, b"5\nend\n")


def test_without_i_there_is_no_input(rung):
    assert rung("run", "--rm", *KEPT, rung.tree, "cat", data=b"unseen").output == ""


def test_the_last_line_comes_before_the_end(rung):
    for _ in range(10):
        result = rung("run", "--rm", *KEPT, rung.tree, "sh", "-c", "printf x; echo y >&2; exit 4")
        assert (result.status, result.output, result.errors) == (4, "x", "y\n")


def test_a_slow_reader_gets_everything_but_holds_nobody_up(rung):
    """The container is over when its program is, and the reader still gets what was written."""
    process = background(rung, "run", "--name", "a", *KEPT, rung.tree, "seq", "1", "20000")  # what two pipes hold
    wait_until(lambda: rung("inspect", "--format", "{{.State.Status}}", "a").output == "exited\n", "it is over")
    status, output, _ = finish(process)
    assert status == 0 and output == b"".join(b"%d\n" % n for n in range(1, 20001))


def test_a_reader_that_stops_makes_the_program_wait(rung):
    process = background(rung, "run", "--name", "a", *KEPT, rung.tree, "sh", "-c", "seq 1 400000; touch /done")
    time.sleep(1)
    assert rung.status("a") == "running"
    assert rung("exec", "a", "test", "-e", "/done").status == 1, "what nobody reads cannot have been written"
    status, output, _ = finish(process)
    assert status == 0 and output.endswith(b"\n400000\n")


def test_a_reader_that_leaves(rung):
    """`run … | head`: the client ends as by SIGPIPE, the program does not."""
    image = rung.image()  # without one a foreground run ends with its caller
    process = background(rung, "run", "--name", "a", image, "sh", "-c",
                         "yes | head -c 3000000; sleep 0.2; exit 3")
    assert process.stdout.read(4) == b"y\ny\n"
    process.stdout.close()
    assert process.wait(60) == 128 + signal.SIGPIPE
    process.stderr.close()
    LIVE.pop(process.pid)
    assert rung.output("wait", "a") == "3"


def test_signals_are_passed_on(rung):
    process = background(rung, "run", "--rm", *KEPT, rung.tree, "sh", "-c",
                         "trap 'echo got; exit 9' TERM; echo ready; while :; do sleep 0.05; done")
    assert process.stdout.readline() == b"ready\n"
    process.send_signal(signal.SIGTERM)
    assert finish(process)[:2] == (9, b"got\n")


def test_signals_pass_input_that_is_stuck(rung):
    process = background(rung, "run", "--rm", "-i", *KEPT, rung.tree, "sh", "-c",
                         "trap 'exit 9' TERM; echo ready; while :; do sleep 0.05; done", stdin=subprocess.PIPE)
    assert process.stdout.readline() == b"ready\n"
    os.set_blocking(process.stdin.fileno(), False)
    for _ in range(50):
        try:
            os.write(process.stdin.fileno(), bytes(65536))
        except BlockingIOError:
            time.sleep(0.01)
    process.send_signal(signal.SIGTERM)
    assert process.wait(60) == 9
    for stream in (process.stdin, process.stdout, process.stderr):
        stream.close()
    LIVE.pop(process.pid)


def test_a_killed_client_leaves_the_container(rung):
    process = background(rung, "run", "--name", "a", rung.image(), "sh", "-c", "echo ready; sleep 0.5; echo late")
    assert process.stdout.readline() == b"ready\n"
    process.kill()
    finish(process)
    rung("wait", "a", check=0)
    assert rung.output("logs", "a") == "ready\nlate"


# ---- attach


READER = ("sh", "-c", "while read line; do echo \"<$line>\"; [ $line = end ] && exit 5; done; echo closed; exit 6")


def test_several_clients(rung):
    rung.start("-i", "--name", "a", rung.tree, READER)
    watchers = [background(rung, "attach", "--no-stdin", "a") for _ in range(3)]
    time.sleep(0.5)
    writer = background(rung, "attach", "a", stdin=subprocess.PIPE)
    writer.stdin.write(b"one\ntwo\n")
    writer.stdin.flush()
    for process in (writer, *watchers):
        assert process.stdout.readline() == b"<one>\n" and process.stdout.readline() == b"<two>\n"
    assert finish(writer, b"end\n")[:2] == (5, b"<end>\n")
    for process in watchers:
        assert finish(process)[:2] == (5, b"<end>\n")


def test_input_of_attach_ends_without_ending_the_program(rung):
    """Started with -d, others may still come: as Docker's StdinOnce says."""
    rung.start("-i", "--name", "a", rung.tree, READER)
    process = background(rung, "attach", "a", stdin=subprocess.PIPE)
    process.stdin.write(b"one\n")
    process.stdin.close()
    process.stdin = None
    assert process.stdout.readline() == b"<one>\n"
    time.sleep(0.2)
    assert rung.status("a") == "running"
    rung("kill", "a", check=0)
    assert finish(process)[0] == 137


def test_start_attached(rung):
    rung("create", "-i", "--name", "a", rung.tree, READER, check=0)
    process = background(rung, "start", "-ai", "a", stdin=subprocess.PIPE)
    assert finish(process, b"x\n")[:2] == (6, b"<x>\nclosed\n")


def test_what_cannot_be_attached(rung):
    rung("create", "--name", "a", rung.tree, "true", check=0)
    rung.refused("attach", "a", saying="only attach to running containers")
    rung.refused("attach", "nobody", saying="nobody")
    rung.refused("attach", "--detach-keys", "ctrl-", "a", saying="ctrl-")


def test_without_signal_proxy(rung):
    rung.start("--name", "a", rung.tree, "sh", "-c", "trap 'exit 9' TERM; while :; do echo x; sleep 0.05; done")
    process = background(rung, "attach", "--sig-proxy=false", "a")
    assert process.stdout.readline() == b"x\n"
    process.send_signal(signal.SIGTERM)
    assert finish(process)[0] == 128 + signal.SIGTERM and rung.status("a") == "running"


def test_a_stuck_client_is_let_go(rung):
    identity = rung.start("--name", "a", rung.tree, "sh", "-c", "while [ ! -e /go ]; do sleep 0.05; done; seq 1 300000; sleep 1000")
    stuck = background(rung, "attach", "a")
    time.sleep(0.5)
    stuck.send_signal(signal.SIGSTOP)
    rung("exec", "a", "touch", "/go", check=0)
    wait_until(lambda: rung.output("logs", "--tail", "1", "a") == "300000", "the program goes on", 60)
    os.kill(monitor_of(rung, identity), 0)
    stuck.send_signal(signal.SIGCONT)
    status, output, errors = finish(stuck)
    assert status == 125 and b"monitor is gone" in errors and output.startswith(b"1\n2\n")


def test_nonsense_on_the_socket(rung):
    """A wrong message ends that connection and nothing else."""
    identity = rung.start("-i", "--name", "a", rung.tree, READER)
    directory = os.open(rung.state / "run" / identity, os.O_PATH)
    path = pathlib.Path(f"/proc/self/fd/{directory}/attach.sock")  # a socket's path must be short
    assert path.stat().st_mode & 0o777 == 0o600
    attach = b"a" + struct.pack("HHHH", 1, 1 | 2 | 4, 0, 0)
    for messages in ([b"zzz"], [b"a"], [b"a" + bytes(8)], [b"i" + b"early"], [attach, attach], [attach, b"s" + struct.pack("i", 999)],
                     [attach, b"i" + bytes(40000)], [attach, b"x" + bytes(4)]):
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as one:
            one.settimeout(20)
            one.connect(str(path))
            try:
                for message in messages:
                    one.send(message)
                while one.recv(65536):
                    pass
            except (ConnectionResetError, BrokenPipeError):
                pass
    os.close(directory)
    writer = background(rung, "attach", "a", stdin=subprocess.PIPE)
    assert finish(writer, b"end\n")[:2] == (5, b"<end>\n")


# ---- terminals


def test_attach_to_a_terminal(rung, terminal):
    rung.start("-it", "--name", "a", rung.tree, "sh")
    seat = terminal("attach", "a", size=(30, 90))
    seat.type("stty size\r")
    seat.wait_for("30 90")
    seat.resize(40, 100)
    seat.type("stty size\r")
    seat.wait_for("40 100")
    seat.type("\x10\x11")
    assert seat.end() == 0 and seat.modes_are_back() and rung.status("a") == "running"
    again = terminal("attach", "--detach-keys", "x,y", "a")
    again.type("xz=1; echo got-$((41+1))\r")
    again.wait_for("got-42")
    again.type("exit 3\r")
    assert again.end() == 3 and again.modes_are_back()


def test_keys_for_the_program(rung, terminal):
    seat = terminal("run", "--rm", "-it", rung.tree, "sh", "-c", "trap 'echo interrupted; exit 9' INT; echo ready; while :; do sleep 0.05; done")
    seat.wait_for("ready")
    seat.type("\x03")
    seat.wait_for("interrupted")
    assert seat.end() == 9 and seat.modes_are_back()


def test_detaching_from_run(rung, terminal):
    seat = terminal("run", "-it", "--name", "a", rung.tree, "sh", "-c", "echo ready; read line; exit 4")
    seat.wait_for("ready")
    seat.type("\x10\x11")
    assert seat.end() == 0 and rung.status("a") == "running" and seat.modes_are_back()
    seat = terminal("attach", "a")
    seat.type("\r")
    assert seat.end() == 4


def test_the_terminal_comes_back_after_a_signal(rung, terminal):
    rung.start("-it", "--name", "a", rung.tree, "sh")
    seat = terminal("attach", "--sig-proxy=false", "a")
    seat.type("\r")
    seat.wait_for("#")
    seat.process.send_signal(signal.SIGTERM)
    assert seat.end() == 128 + signal.SIGTERM and seat.modes_are_back()


def test_end_of_input_of_a_terminal(rung):
    process = background(rung, "run", "--rm", "-it", rung.tree, "cat", stdin=subprocess.PIPE)
    status, output, _ = finish(process, b"typed\n")
    assert status == 0 and b"typed" in output


# ---- the monitor


def test_the_monitor_is_small(rung):
    identity = rung.start("--name", "a", rung.tree, "sleep", "1000")
    text = open(f"/proc/{monitor_of(rung, identity)}/smaps_rollup", encoding="ascii").read()
    private = sum(int(kb) for kb in re.findall(r"Private_\w+: *(\d+) kB", text))
    assert private < 330, text
