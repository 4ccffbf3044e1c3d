"""Cases that mean the same for every client: a module with a `client` fixture imports those that hold for it.

A client is called with its words, and has run(), background(), start(), terminal(), inspect(), wait(), logs(), remove().
"""

from busybox_image import NAME
from stage import wait_until

# Says what it hears, ends well when asked to, and leaves a trace of its work.
LISTENER = "trap 'echo heard USR1' USR1; trap 'echo bye; exit 9' TERM; echo ready; while :; do echo >>/tmp/beat; sleep 0.05; done"


def test_a_program_that_is_missing_or_not_executable(client):
    missing = client.run("no-such-program", status=127)
    assert "no-such-program" in missing.errors
    client.run("/no/such/program", status=127)
    client.run("/etc/passwd", status=126)
    client.run("/etc", status=126)


def test_terminal(client):
    with client.terminal("run", "--rm", "-it", NAME, "sh") as terminal:
        terminal.expect("# ")
        terminal.type("tty\n")
        terminal.expect("/dev/(pts/0|console)\r+\n")
        terminal.resize(33, 77)
        terminal.type("until [ \"$(stty size)\" = '33 77' ]; do sleep 0.05; done; echo resized$((1))\n")
        terminal.expect("resized1")
        terminal.type("sh -c 'echo sleeping$((2)); exec sleep 100'\n")
        terminal.expect("sleeping2")
        terminal.type("\x03")
        terminal.expect("# ")  # the signal also throws away what was typed before it arrived
        terminal.type("echo back$((3)); exit 5\n")
        terminal.expect("back3")
        assert terminal.wait() == 5


def test_exec_on_a_terminal(client):
    name, _ = client.background("sleep", "1000")
    with client.terminal("exec", "-it", name, "sh") as terminal:
        terminal.expect("# ")
        terminal.resize(33, 77)
        terminal.type("until [ \"$(stty size)\" = '33 77' ]; do sleep 0.05; done; echo resized$((1))\n")
        terminal.expect("resized1")
        terminal.type("exit 3\n")
        assert terminal.wait() == 3
    client.remove(name)


def test_signals_and_stop(client):
    name, _ = client.background("sh", "-c", LISTENER)
    wait_until(lambda: "ready" in client.logs(name), "container is ready")
    client("kill", "-s", "USR1", name)
    wait_until(lambda: "heard USR1" in client.logs(name), "USR1 arrives")
    client("stop", name)
    assert client.inspect(name)["State"]["ExitCode"] == 9
    assert client.logs(name) == "ready\nheard USR1\nbye\n"
    client("start", name)
    client("kill", name)
    assert client.wait(name) == 137
    client.remove(name)


def test_stop_ends_the_deaf(client):
    name, _ = client.background("sh", "-c", "trap '' TERM; sleep 1001 & sleep 1002 & wait; wait")
    client("stop", "-t", "0", name)
    assert client.inspect(name)["State"]["ExitCode"] == 137
    client.remove(name)


def test_the_client_forwards_signals(client):
    command = client.start("run", "--rm", NAME, "sh", "-c", LISTENER, log="forward")
    wait_until(lambda: "ready" in client.stage.log("forward"), "container is ready")
    client.stage.run("kill", "-TERM", command.pid)
    assert command.wait() == 9


def test_logs_follow_to_the_end(client):
    name, _ = client.background("sh", "-c", "for i in 1 2 3; do echo out$i; echo err$i >&2; sleep 0.1; done")
    result = client("logs", "-f", name)
    assert (result.output, result.errors) == ("out1\nout2\nout3\n", "err1\nerr2\nerr3\n")
    client.remove(name)
