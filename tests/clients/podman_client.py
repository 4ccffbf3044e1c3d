"""Podman as a test client, for root and for an ordinary user: configuration, short cuts, clean-up."""

import itertools
import json

from busybox_image import NAME

# A shell without line editing, so that what a test types is not read by two programs in different moods.
PLAIN_SHELL = 'trap : INT; echo ready; while read -r line; do eval "$line"; done'


class Podman:
    """`podman --runtime RUNTIME` in a stage. Default network is none unless a test asks: most tests are not about netavark."""

    def __init__(self, stage, runtime, user=None, environment=None):
        self.stage = stage
        self.runtime = runtime
        self.as_user = {"user": user, "environment": environment or {}}
        self.numbers = itertools.count(1)
        stage.write("/etc/containers/storage.conf", f"""
            [storage]
            driver = "overlay"
            runroot = "/run/containers/storage"
            graphroot = "{stage.work}/store/containers"
            rootless_storage_path = "{stage.work}/rootless/containers"
        """)
        # No systemd and no journal in a stage. Foreign runtimes cannot raise limits without CAP_SYS_RESOURCE, and podman
        # asks for 1048576 open files by default; ours has to cope, so it is not spared.
        limits = "" if runtime.ours else 'default_ulimits = ["nofile=1024:2048", "nproc=1024:2048"]'
        self.spare = () if runtime.ours else ("--ulimit", "nproc=1024:2048")  # for commands that set other limits of their own
        stage.write("/etc/containers/containers.conf", f"""
            [containers]
            netns = "none"
            {limits}
            [engine]
            cgroup_manager = "cgroupfs"
            events_logger = "file"
        """)
        self("load", "-i", f"{stage.work}/busybox.tar")
        self("run", "--rm", NAME, "true")  # directories that podman keeps from now on

    def __call__(self, *words, **options):
        return self.stage.run(*self.command(*words), **self.as_user, **options)

    def command(self, *words):
        return ["podman", "--runtime", self.stage.runtime, *words]

    def terminal(self, *words):
        return self.stage.terminal(*self.command(*words), **self.as_user)

    def start(self, *words, log):
        return self.stage.start(*self.command(*words), log=log, **self.as_user)

    def run(self, *words, options=(), **more):
        return self("run", "--rm", *options, NAME, *words, **more)

    def background(self, *words, options=()):
        """Start a container in the background; return its name and the process id of its first process in the stage."""
        name = f"box{next(self.numbers)}"
        self("run", "-d", "--name", name, *options, NAME, *words)
        return name, self.inspect(name)["State"]["Pid"]

    def inspect(self, name):
        return json.loads(self("container", "inspect", name).output)[0]

    def wait(self, name):
        return int(self("wait", name).output)

    def logs(self, name):
        return self("logs", name).output

    def remove(self, name):
        self("rm", "-f", "-t", "0", "-v", name)

    def reset(self):
        self("pod", "rm", "-f", "-t", "0", "-a", status=None)
        self("rm", "-f", "-t", "0", "-v", "-a", status=None)
