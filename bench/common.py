"""What the benches share: a mount namespace of their own, the stop-watch, the middle of some figures."""

import os
import pathlib
import statistics
import subprocess
import sys
import tempfile


def own_namespace(program):
    """Starts this program again in a mount namespace that nothing leaks out of, in a tmpfs of its own."""
    if os.geteuid() != 0:
        sys.exit(f"{program}: needs root, for a mount namespace and what it compares with")
    work = tempfile.mkdtemp(prefix="rung-bench-")
    try:
        done = subprocess.run(["unshare", "--mount", "--propagation", "private", sys.executable, "-B", program,
                               *sys.argv[1:]], env={**os.environ, "RUNG_BENCH_WORK": work}, check=False)
        return done.returncode
    except KeyboardInterrupt:
        return 130
    finally:
        os.rmdir(work)


def mount(*words):
    subprocess.run(["mount", *words], check=True)


def show_v1_alone():
    """On a hybrid host, hides the v2 hierarchy: crun refuses to start anything when it sees both."""
    top = pathlib.Path("/sys/fs/cgroup")
    if not (top / "unified/cgroup.controllers").exists():
        return
    view = pathlib.Path(os.environ["RUNG_BENCH_WORK"]) / "cgroup"
    view.mkdir()
    mount("-t", "tmpfs", "-o", "mode=755", "cgroup-view", str(view))
    for entry in top.iterdir():
        if entry.is_symlink():
            (view / entry.name).symlink_to(os.readlink(entry))
        elif entry.name != "unified":
            (view / entry.name).mkdir()
            mount("--bind", str(entry), str(view / entry.name))
    mount("--rbind", str(view), str(top))


class Failed(RuntimeError):
    pass


def measure(timer, words):
    try:
        done = subprocess.run([timer, *words], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60,
                              check=False)
    except subprocess.TimeoutExpired as error:
        raise Failed("no end within 60 s") from error
    if done.returncode != 0:
        raise Failed(done.stderr.strip())
    wall_us, cpu_us, rss_kib, status = (int(word) for word in done.stdout.split())
    if status != 0:
        raise Failed(f"exit status {status}: {done.stderr.strip()}")
    return {"wall_ms": wall_us / 1000, "cpu_ms": cpu_us / 1000, "rss_mib": rss_kib / 1024}


def middle(figures, column):
    return statistics.median(entry[column] for entry in figures)


def least(figures, column):
    return min(entry[column] for entry in figures)
