"""PID 1 of a stage: a small machine made of namespaces, in which container clients are let loose.

In comes, on an inherited socket, one JSON request per command together with four descriptors: stdin, stdout, stderr and a
reply socket. Out goes, on the reply socket, `pid N` when the command runs and `exit N` when it ended. A reply socket that
the asking side closes kills the command; a control socket that it closes ends PID 1, and with it every process of the stage.

Why an own PID 1 and not nsenter: a process that enters a cgroup namespace from outside still sits in a cgroup outside, and
clients that read /proc/self/cgroup would then see `/../..`. What is started here is in the right place from its first
instruction, orphans (conmon, shims) are reaped, and the end of PID 1 is the end of everything.
"""

import fcntl
import json
import os
import pwd
import select
import signal
import socket
import subprocess
import sys
import termios


def run(*argv):
    """Run one set-up step; its failure is the failure of the stage."""
    subprocess.run(argv, check=True, stdin=subprocess.DEVNULL)


def mount_cgroups(target, controllers_only):
    """Mount at target the hierarchies this kernel has, seen from our own cgroup namespace."""
    hierarchies, unified = [], False
    with open("/proc/self/cgroup") as file:
        for line in file:
            number, names, _ = line.rstrip("\n").split(":", 2)
            if number == "0":
                unified = True
            elif names:
                hierarchies.append(names)
    if not hierarchies:
        run("mount", "-t", "cgroup2", "cgroup2", target)
        return
    run("mount", "-t", "tmpfs", "-o", "mode=755", "cgroup", target)
    for names in hierarchies:
        directory = os.path.join(target, names.removeprefix("name="))
        os.mkdir(directory)
        option = "none," + names if names.startswith("name=") else names
        run("mount", "-t", "cgroup", "-o", option, "cgroup", directory)
        if "," in names:
            for name in names.split(","):
                os.symlink(names, os.path.join(target, name))
    if unified and not controllers_only:
        os.mkdir(f"{target}/unified")
        run("mount", "-t", "cgroup2", "cgroup2", f"{target}/unified")


def furnish(work, hostname, controllers_only):
    """Give the stage private places for all that clients write to: /etc, /home, /var/lib, /run, /dev/shm, sysfs, cgroups."""
    run("mount", "--make-rprivate", "/")
    # The host's views go first: clients that search mountinfo would find two of each hierarchy. /proc stays until ours is there.
    run("umount", "--recursive", "--lazy", "/sys")
    run("mount", "-t", "proc", "proc", "/proc")
    run("mount", "-t", "tmpfs", "-o", "mode=755", "stage", work)
    for name in ("bin", "dev", "home", "log", "out", "store"):
        os.mkdir(f"{work}/{name}")
    for top in ("/etc", "/home", "/var/lib"):
        upper = work + "/upper" + top.replace("/", "-")
        os.makedirs(upper)
        os.mkdir(upper + ".work")
        run("mount", "-t", "overlay", "-o", f"lowerdir={top},upperdir={upper},workdir={upper}.work", "stage", top)
    run("mount", "-t", "tmpfs", "-o", "mode=755", "run", "/run")
    run("mount", "-t", "tmpfs", "-o", "mode=1777", "shm", "/dev/shm")
    # A sysfs of our own network namespace; rootless containers may only mount one if a full one is visible.
    run("mount", "-t", "sysfs", "sysfs", "/sys")
    mount_cgroups("/sys/fs/cgroup", controllers_only)
    # slirp4netns runs as the user; where the host keeps /dev/net/tun for root it would fail for a reason not under test.
    if os.path.exists("/dev/net/tun"):
        os.mknod(f"{work}/dev/tun", 0o20666, os.makedev(10, 200))
        os.chmod(f"{work}/dev/tun", 0o666)
        run("mount", "--bind", f"{work}/dev/tun", "/dev/net/tun")
    run("hostname", hostname)
    run("ip", "link", "set", "lo", "up")


def become(request):
    """In the command's process, before exec: own session, terminal and user as asked."""
    os.setsid()
    if request["terminal"]:
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)
    if request["user"]:
        entry = pwd.getpwnam(request["user"])
        os.initgroups(entry.pw_name, entry.pw_gid)
        os.setgid(entry.pw_gid)
        os.setuid(entry.pw_uid)


def serve(request, descriptors):
    """Run one command to its end; speaks only on the reply socket."""
    stdin, stdout, stderr, reply = descriptors
    answer = socket.socket(fileno=reply)
    try:
        child = subprocess.Popen(
            request["argv"], stdin=stdin, stdout=stdout, stderr=stderr, env=request["environment"],
            cwd=request["directory"], preexec_fn=lambda: become(request),
        )
    except (OSError, subprocess.SubprocessError) as error:
        os.write(stderr, f"stage: {request['argv'][0]}: {error}\n".encode())
        answer.sendall(b"pid 0\nexit 127\n")
        return
    for descriptor in (stdin, stdout, stderr):
        os.close(descriptor)
    answer.sendall(f"pid {child.pid}\n".encode())
    ended = os.pidfd_open(child.pid)
    ready, _, _ = select.select([ended, answer], [], [])
    if ended not in ready:
        os.killpg(child.pid, signal.SIGKILL)
    status = child.wait()
    try:
        answer.sendall(f"exit {128 - status if status < 0 else status}\n".encode())
    except OSError:
        pass  # nobody waits for it any more


def main():
    control = socket.socket(fileno=int(sys.argv[1]))
    furnish(sys.argv[2], sys.argv[3], sys.argv[4] == "v1")
    control.sendall(b"ready")
    wakeup_read, wakeup_write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    signal.set_wakeup_fd(wakeup_write)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    while True:
        ready, _, _ = select.select([control, wakeup_read], [], [])
        if wakeup_read in ready:
            os.read(wakeup_read, 4096)
            try:
                while os.waitpid(-1, os.WNOHANG)[0]:
                    pass
            except ChildProcessError:
                pass
        if control not in ready:
            continue
        message, descriptors, _, _ = socket.recv_fds(control, 1 << 17, 4)
        if not message:
            return
        if os.fork() == 0:
            control.close()
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            try:
                serve(json.loads(message), descriptors)
            finally:
                os._exit(0)
        for descriptor in descriptors:
            os.close(descriptor)


main()
