"""The `terminal` fixture: a person at a terminal.

    seat = terminal("exec", "-it", "a", "sh", size=(24, 80))
    seat.type("exit 3\\r")
    assert seat.end() == 3
"""

import os
import pty
import termios

import pytest
from conftest import LIVE
from test_oci_terminal import Terminal


class Seat(Terminal):
    def __init__(self, rung, words, size, environment=None):
        master, self.slave = pty.openpty()
        super().__init__(master)
        self.resize(*size)
        self.before = termios.tcgetattr(self.slave)
        self.process = rung.popen(*words, stdin=self.slave, stdout=self.slave, stderr=self.slave,
                                  start_new_session=True, preexec_fn=self.take)

    def take(self):
        import fcntl
        fcntl.ioctl(self.slave, termios.TIOCSCTTY, 0)

    def type(self, text):
        self.write(text)

    def end(self, timeout_s=60):
        status = self.process.wait(timeout_s)
        LIVE.pop(self.process.pid, None)
        return status

    def modes_are_back(self):
        return termios.tcgetattr(self.slave) == self.before


@pytest.fixture
def terminal(rung):
    seats = []

    def sit(*words, size=(24, 80)):
        seats.append(Seat(rung, words, size))
        return seats[-1]

    yield sit
    for seat in seats:
        if seat.process.poll() is None:
            seat.process.kill()
            seat.process.wait()
        LIVE.pop(seat.process.pid, None)
        seat.close()
        os.close(seat.slave)
