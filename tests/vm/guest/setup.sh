#!/bin/sh
# Runs once, inside the new root file system: users, units, and a busybox tree for bundles.
# usage: setup.sh KERNEL_RELEASE
set -e
depmod "$1"

# alice: every controller is delegated to her; bob: what Debian delegates to an ordinary user; carol: has no ranges in /etc/subuid.
useradd --create-home --uid 1000 --shell /bin/bash alice
useradd --create-home --uid 1001 --shell /bin/bash bob
useradd --create-home --uid 1002 --shell /bin/bash carol
printf 'alice:100000:65536\nbob:200000:65536\n' | tee /etc/subuid >/etc/subgid
chmod 755 /home/*
mkdir -p /etc/systemd/system/user@1000.service.d
printf '[Service]\nDelegate=cpu cpuset io memory pids\n' >/etc/systemd/system/user@1000.service.d/delegate.conf

# What a test machine does not need; each line here is a good part of a second under emulation.
for unit in \
	apparmor.service console-getty.service dev-hugepages.mount dev-mqueue.mount dpkg-db-backup.timer e2scrub_reap.service \
	fstrim.timer getty.target kmod-static-nodes.service proc-sys-fs-binfmt_misc.automount sys-fs-fuse-connections.mount \
	sys-kernel-config.mount sys-kernel-debug.mount sys-kernel-tracing.mount systemd-ask-password-console.path \
	systemd-ask-password-wall.path systemd-binfmt.service systemd-firstboot.service systemd-journal-flush.service \
	systemd-machine-id-commit.service systemd-modules-load.service systemd-pcrphase.service systemd-pcrphase-sysinit.service \
	systemd-pstore.service systemd-random-seed.service systemd-remount-fs.service systemd-repart.service systemd-sysctl.service \
	systemd-sysusers.service systemd-tmpfiles-clean.timer systemd-tmpfiles-setup-dev.service systemd-udevd.service \
	systemd-udevd-control.socket systemd-udevd-kernel.socket systemd-udev-trigger.service systemd-update-utmp.service \
	systemd-update-utmp-runlevel.service cryptsetup.target integritysetup.target veritysetup.target remote-fs.target; do
	ln -sf /dev/null "/etc/systemd/system/$unit"
done
mkdir -p /etc/systemd/journald.conf.d
printf '[Journal]\nStorage=volatile\nRuntimeMaxUse=8M\n' >/etc/systemd/journald.conf.d/small.conf
cat >/etc/systemd/system/rung-agent.service <<'UNIT'
[Unit]
Description=Runs the commands of the test machine
After=dbus.service systemd-logind.service systemd-user-sessions.service

[Service]
ExecStart=/usr/bin/python3 -I /input/agent.py
OOMPolicy=continue
OOMScoreAdjust=-1000
LimitMEMLOCK=8M
TasksMax=infinity

[Install]
WantedBy=multi-user.target
UNIT
ln -s ../rung-agent.service /etc/systemd/system/multi-user.target.wants/rung-agent.service
ln -sf /lib/systemd/system/multi-user.target /etc/systemd/system/default.target
mkdir -p /input
echo rung-vm >/etc/hostname
echo 8f3c6d1f0b1e4d0fa3b7c1d2e3f40516 >/etc/machine-id

# The root of every bundle: read-only for the tests, with the directories a runtime mounts on.
mkdir -p /srv/busybox/bin /srv/busybox/dev /srv/busybox/etc /srv/busybox/proc /srv/busybox/root /srv/busybox/sys/fs/cgroup /srv/busybox/tmp
cp /bin/busybox /srv/busybox/bin/busybox
chroot /srv/busybox /bin/busybox --install -s /bin
printf 'root:x:0:0:root:/root:/bin/sh\n' >/srv/busybox/etc/passwd
printf 'root:x:0:\n' >/srv/busybox/etc/group
