"""What a person reads while an image comes and goes: causes named, what to do said, bars that fit the terminal."""

import email.utils
import fcntl
import os
import pty
import re
import struct
import subprocess
import termios
import time

import pytest
from registry_client import RUNG, authority, free_port, registry, rung  # noqa: F401 (fixtures)
from registry_server import Registry, layer, status

MOTD = {"etc/motd": b"hello\n"}


# ---- causes ------------------------------------------------------------------------------------------------


def test_nobody_listens(rung):
    done = rung("pull", "--retry=0", f"127.0.0.1:{free_port()}/app:1")
    assert done.status == 125 and done.errors.rstrip().endswith("Connection refused")


def test_the_proxy_is_named(rung):
    port = free_port()
    done = rung("pull", "--retry=0", "registry.test/app:1", env={"HTTPS_PROXY": f"http://127.0.0.1:{port}"})
    assert done.status == 125 and f"proxy 127.0.0.1:{port}: Connection refused" in done.errors


def test_a_name_that_nobody_has(rung):
    done = rung("pull", "--retry=0", "no-such-host.invalid/app:1")
    assert done.status == 125 and "Could not resolve host: no-such-host.invalid" in done.errors


def test_retries_are_as_many_as_wanted(rung, registry):
    registry.add_image("app", "1", [layer(MOTD)])
    registry.fault("/manifests/", status(503), times=99)
    assert "status 503" in rung("pull", "--retry=0", f"{registry.host}/app:1").errors
    assert len(registry.asked("GET", "/manifests/")) == 1


def test_a_pause_until_a_date(rung, registry):
    registry.add_image("app", "1", [layer(MOTD)])
    until = time.time() + 4
    registry.fault("/manifests/", status(429, Retry_After=email.utils.formatdate(until, usegmt=True)))
    rung.pull(f"{registry.host}/app:1")
    assert time.time() >= int(until)


def test_certificates_of_strangers(rung, authority, tmp_path):
    with Registry(certificate=(authority / "server.crt", authority / "server.key")) as registry:
        name = f"{registry.host}/app:1"
        done = rung("pull", "--tls-verify", name)
        assert "an authority that is not known here" in done.errors and "hint: " in done.errors
        assert "/etc/containers/certs.d/" in done.errors
        (tmp_path / "certs").mkdir()
        (tmp_path / "certs/ca.crt").write_text("nothing")
        done = rung("pull", f"--cert-dir={tmp_path}/certs", name)
        assert done.status == 125 and "ca.crt: there is no PEM in it" in done.errors


def test_no_tls(rung, registry):
    done = rung("pull", "--tls-verify", f"{registry.host}/app:1")
    assert "the server does not speak TLS" in done.errors and "--tls-verify=false" in done.errors
    assert not registry.requests


@pytest.mark.parametrize("code, words", [(401, "authentication required"), (403, "access denied"), (404, "not found"),
                                         (429, "too many requests"), (500, "status 500")])
def test_what_the_registry_says(rung, registry, code, words):
    registry.fault("/manifests/", status(code), times=99)
    done = rung("pull", "--retry=0", f"{registry.host}/app:1")
    assert done.status == 125 and words in done.errors
    assert ("hint: rung login" in done.errors) == (code in (401, 403))


def test_formats_of_before(rung, registry):
    registry.add_manifest("old", "1", b'{"schemaVersion":1,"name":"old","fsLayers":[]}',
                          "application/vnd.docker.distribution.manifest.v1+prettyjws")
    done = rung("pull", f"{registry.host}/old:1")
    assert "schema 1" in done.errors and "hint: " in done.errors


@pytest.mark.parametrize("word, words", [("https://quay.io/a", "without https://"), ("docker-archive:/tmp/a.tar", "rung load"),
                                         ("oci:/tmp/a", "rung load")])
def test_words_of_other_programs(rung, word, words):
    done = rung("pull", word)
    assert done.status == 125 and words in done.errors


# ---- as docker ----------------------------------------------------------------------------------------------


def test_docker_says_what_came(rung, registry):
    registry.add_image("app", "latest", [layer(MOTD)])
    docker = rung.work / "docker"
    docker.symlink_to(RUNG)
    words = [str(docker), *rung.words()[1:]]

    def run(*more):
        return subprocess.run([*words, *more], capture_output=True, text=True, env=rung.environment, check=True,
                              timeout=60).stdout

    name = f"{registry.host}/app"
    digest = re.search(r"Digest: (sha256:\w{64})\n", run("pull", name))[1]
    assert run("pull", name) == (f"Using default tag: latest\nDigest: {digest}\n"
                                 f"Status: Image is up to date for {name}:latest\n{name}:latest\n")
    registry.add_image("app", "latest", [layer({"new": b"n"})])
    assert f"Status: Downloaded newer image for {name}:latest\n" in run("pull", name)
    assert run("pull", "-q", name) == f"{name}:latest\n"
    assert re.fullmatch(r"latest: digest: sha256:\w{64} size: \d+\n", run("push", name))
    assert run("push", "-q", name) == f"{name}:latest\n"


# ---- on a terminal ------------------------------------------------------------------------------------------


def slowly(handler):
    """Ten pieces, one each tenth of a second."""
    data = handler.registry.blobs[handler.path.rsplit("/", 1)[1]]
    handler.send_response(200)
    handler.send_header("Content-Length", str(len(data)))
    handler.end_headers()
    piece = len(data) // 10 + 1
    for at in range(0, len(data), piece):
        handler.wfile.write(data[at:at + piece])
        handler.wfile.flush()
        time.sleep(0.1)
    return True


class Screen:
    """As much of a terminal as bars use: it wraps, goes up, clears; remembers whether a line was ever too long."""

    def __init__(self, columns):
        self.columns, self.lines, self.row, self.column, self.wrapped = columns, [""], 0, 0, False

    def feed(self, text):
        for piece in re.findall(r"\x1b\[\d*[A-Z]|\r|\n|[^\x1b\r\n]+", text):
            if piece == "\r":
                self.column = 0
            elif piece == "\n":
                self.row += 1
                if self.row == len(self.lines):
                    self.lines.append("")
            elif piece[0] == "\x1b":
                number = int(piece[2:-1] or 0)
                if piece[-1] == "A":
                    self.row -= number
                elif piece[-1] == "K":
                    self.lines[self.row] = self.lines[self.row][:self.column]
                elif piece[-1] == "J":
                    self.lines[self.row + 1:] = []
                    self.lines[self.row] = self.lines[self.row][:self.column]
            else:
                self.wrapped |= "Copying" in piece and self.column + len(piece) >= self.columns
                line = self.lines[self.row]
                self.lines[self.row] = line[:self.column] + piece + line[self.column + len(piece):]
                self.column += len(piece)


def on_terminal(rung, columns, words, resize=None):
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    process = subprocess.Popen(
        rung.words(*words), stdin=slave, stdout=slave, stderr=slave, env=rung.environment, start_new_session=True)
    os.close(slave)
    out = b""
    try:
        while piece := os.read(master, 65536):
            out += piece
            if resize and b"#" in out:
                fcntl.ioctl(master, termios.TIOCSWINSZ, struct.pack("HHHH", 24, resize, 0, 0))
                resize = None
    except OSError:
        pass  # the other end is closed
    os.close(master)
    assert process.wait(60) == 0, out
    return out.decode()


@pytest.mark.parametrize("columns, least", [(80, "#"), (44, "#"), (32, "kB / "), (18, "")])
def test_bars_fit(rung, registry, columns, least):
    registry.add_image("app", "1", [layer(MOTD, size=300_000), layer({"b": b"b"}, size=200_000)])
    registry.fault("/blobs/", slowly, times=99)
    out = on_terminal(rung, columns, ["pull", f"{registry.host}/app:1"])
    screen = Screen(columns)
    screen.feed(out)
    assert least in out and not screen.wrapped
    done = [line for line in screen.lines if line.startswith("Copying")]
    assert len(done) == 3, screen.lines  # each blob once, none left over from an earlier drawing
    if columns > 40:
        assert all(line.rstrip().endswith(" done") for line in done)


def test_a_terminal_that_changes(rung, registry):
    registry.add_image("app", "1", [layer(MOTD, size=300_000)])
    registry.fault("/blobs/", slowly, times=99)
    out = on_terminal(rung, 80, ["pull", f"{registry.host}/app:1"], resize=40)
    narrow = [line for line in re.sub(r"\x1b\[\d*[A-Z]", "", out).replace("\r", "\n").split("\n") if "kB / " in line]
    assert len(narrow[-1]) < 40 and "Writing manifest" in out


def test_elsewhere_lines_are_quiet(rung, registry):
    registry.add_image("app", "1", [layer(MOTD)])
    done = rung("pull", f"{registry.host}/app:1", check=True)
    assert "\x1b" not in done.errors and "\r" not in done.errors and done.errors.count("Copying blob") == 1
    assert not rung("pull", "-q", f"{registry.host}/app:1", check=True).errors
