"""`rung sandbox` and the desktop: D-Bus through a filter, X11, the ssh agent, sockets of the session."""

import os
import shutil
import socket
import subprocess
import sys

import pytest
from conftest import LIVE, only_rung, wait_until
from sandboxes import sandbox  # noqa: F401

pytestmark = only_rung


@pytest.fixture
def runtime(sandbox):
    """The session's runtime directory."""
    directory = sandbox.work / "runtime"
    directory.mkdir(mode=0o700)
    sandbox.environment["XDG_RUNTIME_DIR"] = str(directory)
    return directory


@pytest.fixture
def background():
    """Programs of the session that end with the test."""
    running = []

    def start(*words, **more):
        running.append(subprocess.Popen(words, **more))
        LIVE[running[-1].pid] = running[-1]
        return running[-1]

    yield start
    for process in reversed(running):
        process.terminate()
        process.wait(20)
        LIVE.pop(process.pid, None)


# ---- D-Bus -----------------------------------------------------------------------------------------------------------

NEEDS_BUS = pytest.mark.skipif(not all(map(shutil.which, ("xdg-dbus-proxy", "dbus-daemon", "dbus-send"))),
                               reason="xdg-dbus-proxy or dbus is not installed")


@pytest.fixture
def bus(sandbox, runtime, background):
    address = f"unix:path={runtime}/bus"
    daemon = background("dbus-daemon", "--session", "--nofork", f"--address={address}", "--print-address=1",
                        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    assert daemon.stdout.readline(), "the bus does not stand"  # it is said when somebody listens
    daemon.stdout.close()
    sandbox.environment["DBUS_SESSION_BUS_ADDRESS"] = address
    return address


PING = ("dbus-send", "--session", "--print-reply", "--dest=org.example.Rung", "/", "org.freedesktop.DBus.Peer.Ping")
LIST = ("dbus-send", "--session", "--print-reply", "--dest=org.freedesktop.DBus", "/", "org.freedesktop.DBus.ListNames")


@pytest.fixture
def service(bus, background):
    """Somebody with a name on the bus."""
    script = """
import ctypes, sys
bus = ctypes.CDLL("libdbus-1.so.3")
bus.dbus_bus_get.restype = ctypes.c_void_p
connection = ctypes.c_void_p(bus.dbus_bus_get(0, None))
assert bus.dbus_bus_request_name(connection, b"org.example.Rung", 0, None) == 1
print("ready", flush=True)
while bus.dbus_connection_read_write_dispatch(connection, -1):
    pass
"""
    process = background(sys.executable, "-c", script, env={**os.environ, "DBUS_SESSION_BUS_ADDRESS": bus},
                         stdout=subprocess.PIPE)
    assert process.stdout.readline() == b"ready\n"
    yield "org.example.Rung"
    process.stdout.close()


@NEEDS_BUS
def test_no_bus_without_a_grant(sandbox, service):
    assert sandbox(*PING).status != 0 and sandbox(*LIST).status != 0


@NEEDS_BUS
def test_a_name_that_was_granted(sandbox, service):
    assert sandbox("-a", f"dbus={service}", *PING).status == 0


@NEEDS_BUS
def test_another_name_was_granted(sandbox, service):
    result = sandbox("-a", "dbus=org.example.Other", *PING)
    assert result.status != 0
    names = sandbox.output("-a", "dbus=org.example.Other", *LIST)
    assert "org.freedesktop.DBus" in names and service not in names
    assert sandbox("-a", f"dbus={service}", "-d", f"dbus={service}", *PING).status != 0


@NEEDS_BUS
def test_the_proxy_ends_with_the_sandbox(sandbox, service):
    process = sandbox.start("-n", "box", "-a", f"dbus={service}")
    assert sandbox("enter", "-e", "DBUS_SESSION_BUS_ADDRESS=unix:path=/run/user/%d/bus" % os.geteuid(), "box", *PING).status == 0
    process.kill()  # with nobody left to tidy up
    sandbox.ended(process)
    wait_until(lambda: sandbox.ids() == [], "it is gone")


@NEEDS_BUS
def test_a_bus_that_is_not_there(sandbox, runtime):
    sandbox.environment["DBUS_SESSION_BUS_ADDRESS"] = f"unix:path={runtime}/nothing"
    # The proxy connects when somebody calls: the grant is no error, the call is.
    assert sandbox("-a", "dbus=org.example.Rung", *PING).status != 0


# ---- X11 ---------------------------------------------------------------------------------------------------------------

NEEDS_X = pytest.mark.skipif(not all(map(shutil.which, ("Xvfb", "xdpyinfo", "xauth"))), reason="Xvfb or its tools are not installed")


@pytest.fixture
def screen(sandbox, background):
    """A server that picks its own number, with a cookie."""
    if not os.access("/tmp/.X11-unix", os.W_OK) and not os.access("/tmp", os.W_OK):
        pytest.skip("no place for the server's socket")
    authority = sandbox.work / "authority"
    authority.touch()
    reading, writing = os.pipe()
    subprocess.run(["xauth", "-q", "-f", authority, "add", ":99", ".", "0123456789abcdef0123456789abcdef"], check=True)
    server = background("Xvfb", "-displayfd", str(writing), "-screen", "0", "640x480x24", "-nolisten", "tcp", "-noreset", "-auth", authority,
                        pass_fds=[writing], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    os.close(writing)
    with os.fdopen(reading) as numbers:
        number = numbers.readline().strip()
    assert number, f"Xvfb ended with {server.poll()}"
    subprocess.run(["xauth", "-q", "-f", authority, "add", f":{number}", ".", "0123456789abcdef0123456789abcdef"], check=True)
    sandbox.environment.update(DISPLAY=f":{number}", XAUTHORITY=str(authority))
    return number


@NEEDS_X
def test_no_display_without_a_grant(sandbox, screen):
    assert sandbox("xdpyinfo").status != 0


@NEEDS_X
def test_display(sandbox, screen):
    result = sandbox("-a", "display", "xdpyinfo")
    assert result.status == 0 and "dimensions:    640x480" in result.output, result
    # The server hides this extension from clients that it does not trust.
    assert "SECURITY" not in result.output and "warning" not in result.errors


@NEEDS_X
def test_display_without_isolation(sandbox, screen):
    sandbox.environment["XAUTHORITY"] = "/nowhere"
    assert "can watch the keyboard" in sandbox("-a", "display", "true").errors


# ---- sockets of the session -----------------------------------------------------------------------------------------------


def listen(path, answer):
    server = socket.socket(socket.AF_UNIX)
    path.parent.mkdir(exist_ok=True)
    server.bind(str(path))
    server.listen()
    return server


CONNECT = "import os, socket, sys; s = socket.socket(socket.AF_UNIX); s.connect(os.path.expandvars(sys.argv[1])); print('connected')"


@pytest.mark.parametrize("grant, name, where, variable", [
    ("ssh-agent", "agent", "$SSH_AUTH_SOCK", "SSH_AUTH_SOCK"),
    ("display", "wayland-7", "$XDG_RUNTIME_DIR/$WAYLAND_DISPLAY", "WAYLAND_DISPLAY"),
    ("audio", "pulse/native", "$XDG_RUNTIME_DIR/pulse/native", None),
    ("audio", "pipewire-0", "$XDG_RUNTIME_DIR/pipewire-0", None),
])
def test_sockets(sandbox, runtime, grant, name, where, variable):
    with listen(runtime / name, b""):
        if variable:
            sandbox.environment[variable] = name if variable == "WAYLAND_DISPLAY" else str(runtime / name)
        assert sandbox("/usr/bin/python3", "-c", CONNECT, where).status != 0
        assert sandbox.output("-a", grant, "/usr/bin/python3", "-c", CONNECT, where) == "connected"


def test_grants_of_what_this_machine_lacks(sandbox):
    words = [word for kind in ("audio", "gpu", "camera", "usb", "display", "ssh-agent") for word in ("-a", kind)]
    assert sandbox(*words, "true").status == 0
