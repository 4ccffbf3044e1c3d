"""One virtual machine: QEMU started, spoken to and ended.

The guest is a q35 board and not QEMU's smaller "microvm", whose kernel finds no timer to calibrate the TSC with under
emulation: its clocks would be wrong by a factor. Disks are opened with snapshot=on, so nothing the tests do is kept.
Commands travel over a virtio-serial port that is one end of a socket pair: no path, no port, nothing to clean up.
Emulation (TCG) is the default because a /dev/kvm may be there and not work; RUNG_VM_ACCELERATOR=kvm takes the other.
QEMU dies with this process (PR_SET_PDEATHSIG), its temporary files have no names.
"""

import ctypes
import dataclasses
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import tempfile
import time

import image

# norandmaps: libraries at the same addresses in every process let QEMU use its translations again (40 % less time).
KERNEL_ARGUMENTS = """
    console=ttyS0 quiet loglevel=4 panic=-1 mitigations=off nokaslr norandmaps random.trust_cpu=on rcupdate.rcu_expedited=1
    audit=0 psi=1 systemd.show_status=false systemd.journald.forward_to_console=0
""".split()
BOOT_SECONDS = 240
PR_SET_PDEATHSIG = 1


@dataclasses.dataclass
class Result:
    """What a command in the guest left behind; status is None when it was ended for taking too long."""
    command: str
    status: int | None
    out: str
    err: str

    def __str__(self):
        return f"$ {self.command}\nstatus: {self.status}\nstdout: {self.out}\nstderr: {self.err}"


class MachineError(Exception):
    """The machine did not start or no longer answers."""


def die_with_parent():
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


class Machine:
    """files: what appears under /input in the guest, name -> path on the host; they keep their mode."""

    def __init__(self, files, kernel_arguments=(), memory_mb=1024, cpus=2):
        self.disks = image.ensure()
        self.scratch = tempfile.TemporaryDirectory(prefix="rung-vm-")
        self.console = tempfile.TemporaryFile()
        self.qemu = None
        self.socket, theirs = socket.socketpair()
        try:
            self._start(files, [*KERNEL_ARGUMENTS, *kernel_arguments], memory_mb, cpus, theirs)
        except BaseException:
            self.kill()
            raise
        finally:
            theirs.close()

    def _start(self, files, kernel_arguments, memory_mb, cpus, theirs):
        began = time.monotonic()
        command = [
            "qemu-system-x86_64", "-M", "q35", "-nodefaults", "-no-user-config", "-display", "none",
            "-no-reboot", "-cpu", "max", "-smp", str(cpus), "-m", str(memory_mb),
            "-accel", os.environ.get("RUNG_VM_ACCELERATOR", "tcg,thread=multi"),
            "-kernel", self.disks / "kernel", "-initrd", self.disks / "initramfs", "-append", " ".join(kernel_arguments),
            "-serial", "stdio",
            "-drive", f"if=none,id=root,format=raw,snapshot=on,file={self.disks / 'root.ext4'}",
            "-device", "virtio-blk-pci,drive=root,serial=rung-root",
            "-drive", f"if=none,id=input,format=raw,snapshot=on,file={self._input_disk(files)}",
            "-device", "virtio-blk-pci,drive=input,serial=rung-input",
            "-chardev", f"socket,id=agent,fd={theirs.fileno()}",
            "-device", "virtio-serial-pci,max_ports=2", "-device", "virtserialport,chardev=agent,nr=1",
        ]
        self.qemu = subprocess.Popen([str(word) for word in command], stdin=subprocess.DEVNULL, stdout=self.console,
                                     stderr=self.console, pass_fds=[theirs.fileno()], preexec_fn=die_with_parent)
        theirs.close()
        self._expect(b"ready\n", time.monotonic() + BOOT_SECONDS)
        self.boot_seconds = time.monotonic() - began

    def _input_disk(self, files):
        directory = pathlib.Path(self.scratch.name) / "input"
        directory.mkdir(mode=0o755)
        for name, path in {"agent.py": image.HERE / "guest/agent.py", **files}.items():
            shutil.copy(path, directory / name)
        disk = pathlib.Path(self.scratch.name) / "input.ext4"
        image.ext4_from_directory(directory, disk, "rung-input", 8)
        return disk

    def _receive(self, length, deadline):
        parts = b""
        while len(parts) < length:
            remaining = deadline - time.monotonic()
            if remaining <= 0:
                raise MachineError(f"no answer from the machine in time; its console:\n{self.console_text()}")
            self.socket.settimeout(remaining)
            try:
                part = self.socket.recv(min(65536, length - len(parts)))
            except TimeoutError:
                continue
            if not part:
                raise MachineError(f"the machine is gone; its console:\n{self.console_text()}")
            parts += part
        return parts

    def _expect(self, line, deadline):
        received = self._receive(len(line), deadline)
        if received != line:
            raise MachineError(f"expected {line!r} from the agent, got {received!r}")

    def run(self, command, user=None, stdin=b"", timeout_seconds=60):
        """Runs a shell command in the guest, as root or in a login session of the user; returns a Result."""
        if self.qemu is None:
            raise MachineError("the machine was stopped after an earlier failure")
        body = command.encode()
        stdin = stdin.encode() if isinstance(stdin, str) else stdin
        head = f"{timeout_seconds} {user or '-'} {len(body)} {len(stdin)}\n".encode()
        deadline = time.monotonic() + timeout_seconds + 30
        try:
            self.socket.settimeout(30)
            self.socket.sendall(head + body + stdin)
            line = b""
            while not line.endswith(b"\n"):
                line += self._receive(1, deadline)
            status, out_length, err_length = line.decode().split()
            out = self._receive(int(out_length), deadline).decode(errors="replace")
            err = self._receive(int(err_length), deadline).decode(errors="replace")
        except (MachineError, OSError):
            # What the guest sends from here on would be taken for the answer to the next command.
            self.kill()
            raise
        return Result(command, None if status == "timeout" else int(status), out, err)

    def check(self, command, **options):
        """Like run(), for steps that must succeed; returns the standard output."""
        result = self.run(command, **options)
        if result.status != 0:
            raise AssertionError(str(result))
        return result.out

    def console_text(self):
        self.console.seek(0)
        return self.console.read().decode(errors="replace")[-6000:]

    def stop(self):
        """Powers the guest off and waits; after that nothing of it is left on the host."""
        if self.qemu is not None:
            try:
                self.socket.settimeout(5)
                self.socket.sendall(b"5 - 38 0\nsystemctl poweroff --force --force     ")
                self.qemu.wait(15)
            except (OSError, subprocess.TimeoutExpired):
                pass
        self.kill()

    def kill(self):
        if self.qemu is not None:
            self.qemu.kill()
            self.qemu.wait()
            self.qemu = None
        self.socket.close()
        self.scratch.cleanup()
