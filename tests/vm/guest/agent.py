"""Runs commands for the host, one at a time, over a virtio-serial port.

In:   one line "TIMEOUT_SECONDS USER LENGTH_OF_COMMAND LENGTH_OF_STDIN", then the bytes of both; USER is "-" for root.
Out:  one line "STATUS LENGTH_OF_STDOUT LENGTH_OF_STDERR", then the bytes of both; STATUS is the exit status,
      128 + signal for a command killed by one, or "timeout".
Output goes through files, not pipes: a container started in the background keeps its end open, and nobody should wait for it.
An ordinary user's command passes PAM, so that it gets a login session of systemd and XDG_RUNTIME_DIR, as over ssh.
Only modules of python3-minimal are used here.
"""

import glob
import os
import signal
import subprocess
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


def run(command, user, stdin, timeout_seconds):
    shell = ["/bin/sh", "-c", command]
    if user != "-":
        shell = ["/bin/su", "--login", user, "--command", command]
    with tempfile.TemporaryFile() as given, tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        given.write(stdin)
        given.seek(0)
        child = subprocess.Popen(shell, stdin=given, stdout=out, stderr=err, start_new_session=True, cwd="/")
        try:
            code = child.wait(timeout_seconds)
            status = str(code if code >= 0 else 128 - code)
        except subprocess.TimeoutExpired:
            os.killpg(child.pid, signal.SIGKILL)
            child.wait()
            status = "timeout"
        out.seek(0)
        err.seek(0)
        return status, out.read(), err.read()


def main():
    os.environ["PATH"] = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    os.environ["TMPDIR"] = "/run"
    with open(glob.glob("/dev/vport*p1")[0], "r+b", buffering=0) as port:
        port.write(b"ready\n")
        while True:
            timeout_seconds, user, command_length, stdin_length = read_line(port).split()
            command = read_exactly(port, int(command_length)).decode()
            stdin = read_exactly(port, int(stdin_length))
            status, out, err = run(command, user, stdin, float(timeout_seconds))
            answer = f"{status} {len(out)} {len(err)}\n".encode() + out + err
            while answer:
                answer = answer[port.write(answer):]


main()
