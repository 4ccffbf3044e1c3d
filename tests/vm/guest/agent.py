"""Runs commands for the host, one at a time, over a virtio-serial port.

In:   one line "TIMEOUT_SECONDS USER LENGTH_OF_COMMAND LENGTH_OF_STDIN", then the bytes of both; USER is "-" for root.
Out:  one line "STATUS LENGTH_OF_STDOUT LENGTH_OF_STDERR", then the bytes of both; STATUS is the exit status,
      128 + signal for a command killed by one, or "timeout".
Output goes through files, not pipes: a container started in the background keeps its end open, and nobody should wait for it.
An ordinary user's commands go to a second agent that runs in a login session of that user, made by PAM as ssh would;
it speaks the same protocol over pipes.
Only modules of python3-minimal are used here.
"""

import glob
import os
import signal
import subprocess
import sys
import tempfile


def read_exactly(port, length):
    parts = []
    while length > 0:
        part = port.read(length)
        if not part:
            raise EOFError
        parts.append(part)
        length -= len(part)
    return b"".join(parts)


def read_line(port):
    line = b""
    while not line.endswith(b"\n"):
        line += read_exactly(port, 1)
    return line.decode()


def ordinary_victim():
    """The agent itself is safe from the OOM killer (its unit says so); what it runs must not inherit that."""
    if os.geteuid() == 0:
        with open("/proc/self/oom_score_adj", "wb", buffering=0) as file:
            file.write(b"0")


def run(command, stdin, timeout_seconds):
    with tempfile.TemporaryFile() as given, tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        given.write(stdin)
        given.seek(0)
        child = subprocess.Popen(["/bin/sh", "-c", command], stdin=given, stdout=out, stderr=err, cwd="/",
                                 start_new_session=True, preexec_fn=ordinary_victim)
        try:
            code = child.wait(timeout_seconds)
            status = str(code if code >= 0 else 128 - code)
        except subprocess.TimeoutExpired:
            os.killpg(child.pid, signal.SIGKILL)
            child.wait()
            status = "timeout"
        out.seek(0)
        err.seek(0)
        out, err = out.read(), err.read()
    return f"{status} {len(out)} {len(err)}\n".encode() + out + err


class Login:
    """The agent of one user."""

    def __init__(self, user):
        self.process = subprocess.Popen(["/bin/su", "--login", user, "--command", f"exec /usr/bin/python3 -I {__file__} -"],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0, preexec_fn=ordinary_victim)

    def ask(self, request):
        write(self.process.stdin, request)
        line = read_line(self.process.stdout)
        _, out_length, err_length = line.split()
        return line.encode() + read_exactly(self.process.stdout, int(out_length) + int(err_length))


def write(port, data):
    while data:
        data = data[port.write(data):]


def serve(incoming, outgoing):
    logins = {}
    while True:
        timeout_seconds, user, command_length, stdin_length = read_line(incoming).split()
        command = read_exactly(incoming, int(command_length))
        stdin = read_exactly(incoming, int(stdin_length))
        if user == "-":
            answer = run(command, stdin, float(timeout_seconds))
        else:
            if user not in logins:
                logins[user] = Login(user)
            answer = logins[user].ask(f"{timeout_seconds} - {command_length} {stdin_length}\n".encode() + command + stdin)
        write(outgoing, answer)


def main():
    if sys.argv[1:] == ["-"]:
        with open(0, "rb", buffering=0) as incoming, open(1, "wb", buffering=0) as outgoing:
            serve(incoming, outgoing)
    os.environ["PATH"] = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    os.environ["TMPDIR"] = "/run"
    with open(glob.glob("/dev/vport*p1")[0], "r+b", buffering=0) as port:
        write(port, b"ready\n")
        serve(port, port)


try:
    main()
except EOFError:
    pass
