"""Command lines that Debian's bubblewrap (0.8) and rung under its name answer alike: status, standard output, and what errors say."""

SYSTEM = "--ro-bind /usr /usr --symlink usr/bin /bin --symlink usr/lib /lib --symlink usr/lib64 /lib64"

# SYSTEM stands for the above, ALL for "--ro-bind / /".
LINES = r"""
ALL id
ALL pwd
SYSTEM pwd
SYSTEM stat -c "%n %A %u %g" / /usr /bin /lib
SYSTEM --chdir /nope true
SYSTEM --chdir /usr/bin env
ALL --setenv A 1 --unsetenv A --setenv B 2 --clearenv --setenv C 3 env
ALL sh -c 'kill -9 $$'
ALL --unshare-pid sh -c 'kill -9 $$'
ALL --unshare-pid sh -c 'exit 77'
ALL sh -c 'exit 77'
ALL /etc/passwd
ALL --unshare-pid /nonexistent
ALL --unshare-all --share-net sh -c 'ip -o link | wc -l'
ALL --unshare-net ip -o addr
ALL --unshare-uts --hostname box hostname
ALL --hostname box hostname
ALL --unshare-user --uid 5 --gid 6 id
ALL --unshare-user --uid 0 --gid 0 --dev /dev id
ALL --unshare-user --uid 5 --gid 6 --dev /dev sh -c 'id; cat /proc/self/uid_map'
ALL --tmpfs /tmp sh -c 'stat -c %a /tmp; touch /tmp/x && ls /tmp'
ALL --tmpfs /tmp --remount-ro /tmp touch /tmp/x
ALL --dir /new true
ALL --tmpfs /nope true
ALL --bind /etc /nope/x true
--bind / / --ro-bind /etc /etc touch /etc/x
--ro-bind /nope /nope true
--ro-bind-try /nope /nope ALL true
--ro-bind-try /nope /nope --dev-bind-try /nope2 /n --bind-try /no3 /m ALL echo yes
--dir /a/b/c --ro-bind /usr /usr --ro-bind /lib64 /lib64 --ro-bind /lib /lib /usr/bin/find /a
--perms 0700 --dir /a/b/c SYSTEM stat -c %a /a /a/b /a/b/c
ALL --proc /proc --unshare-pid sh -c 'echo $$; cat /proc/$$/comm; ls -d /proc/1'
ALL --proc /proc --unshare-pid sh -c 'echo 1 > /proc/sys/kernel/hostname; echo $?'
ALL --proc /proc sh -c 'grep " /proc" /proc/self/mountinfo | cut -d" " -f4-6 | sort'
ALL --dev /dev sh -c 'ls -l /dev | cut -c1-10; ls -ld /dev /dev/pts/ptmx /dev/shm | cut -c1-10'
ALL --dev /dev sh -c 'echo x > /dev/null; head -c 4 /dev/zero | wc -c; head -c 3 /dev/random | wc -c'
ALL --unshare-ipc --mqueue /tmp sh -c 'stat -f -c %T /tmp'
--dev-bind / / sh -c 'head -c3 /dev/zero | wc -c'
ALL --as-pid-1 true
ALL --as-pid-1 --unshare-pid sh -c 'echo $$'
ALL --as-pid-1 --unshare-pid --lock-file /etc/passwd true
ALL --unshare-pid --lock-file /etc/passwd echo locked
ALL --lock-file /etc/passwd echo locked
ALL --cap-add CAP_FOO true
ALL --cap-add CAP_NET_RAW --unshare-user sh -c 'grep Cap /proc/self/status'
ALL --cap-add ALL --unshare-user sh -c 'grep Cap /proc/self/status'
ALL --cap-add cap_kill --cap-add CAP_SYS_ADMIN --cap-drop CAP_KILL --unshare-user sh -c 'grep Cap /proc/self/status'
ALL --cap-drop ALL sh -c 'grep Cap /proc/self/status'
ALL sh -c 'grep Cap /proc/self/status; grep NoNew /proc/self/status'
ALL --cap-drop CAP_NET_RAW --unshare-pid sh -c 'grep Cap /proc/self/status'
ALL --unshare-user-try sh -c 'grep Cap /proc/self/status; cat /proc/self/uid_map /proc/self/setgroups'
ALL --dev /dev sh -c 'grep Cap /proc/self/status; cat /proc/self/uid_map /proc/self/setgroups'
--unknown true
--bind /
--args
--args x true
--args 99 true
--seccomp 99 ALL true
--add-seccomp-fd 99 ALL true
ALL --block-fd x true
--userns 98 ALL true
--userns 98 --unshare-user ALL true
--disable-userns ALL true
--unshare-user --disable-userns ALL unshare -U true
--assert-userns-disabled ALL true
--file 99 /x ALL true
--perms 0600 ALL true
--perms 9 --dir /x true
--size 5 --dir /x true
--size 0 --tmpfs /x true
--uid -5 true
--uid x true
--ro-bind / / --tmpfs /tmp --symlink ../etc /tmp/l --bind /usr /tmp/l/x true
ALL --tmpfs /tmp --dir /tmp/d --symlink d /tmp/l --bind /etc /tmp/l/sub ls /tmp/d/sub/passwd
ALL --tmpfs /tmp --dir /tmp/d --chmod 0711 /tmp/d stat -c %a /tmp/d
ALL --tmpfs /tmp --chmod 0711 /tmp/nope true
ALL --tmpfs /tmp --bind /etc /tmp/pw --bind /etc/passwd /tmp/pw true
ALL --tmpfs /tmp --ro-bind /etc/passwd /tmp/pw --bind /etc /tmp/pw true
ALL --die-with-parent echo alive
ALL --sync-fd 0 echo synced
ALL --exec-label foo true
-- true
ALL -- true
ALL -x
ALL --unshare-cgroup sh -c 'head -1 /proc/self/cgroup | cut -d: -f3'
--ro-bind /usr usr --symlink usr/bin bin --symlink usr/lib lib --symlink usr/lib64 lib64 ls -d /usr/bin
ALL sh -c 'umask; ulimit -n'
--ro-bind /bin/sh /sh --ro-bind /usr /usr --ro-bind /lib /lib --ro-bind /lib64 /lib64 /sh -c 'stat -c "%a %F" /sh /lib'
--tmpfs / SYSTEM ls /
--tmpfs / --bind / / --tmpfs / true
--bind / / --tmpfs / SYSTEM ls /
ALL --perms 0640 --bind-data 0 /etc/hostname stat -c "%a %s" /etc/hostname
ALL --tmpfs /tmp --file 0 /tmp/f stat -c "%a %s" /tmp/f
ALL --tmpfs /tmp --ro-bind-data 0 /tmp/f sh -c 'echo x > /tmp/f'
"""


def lines():
    return [line.replace("ALL", "--ro-bind / /", 1).replace("SYSTEM", SYSTEM) if "ALL" in line.split()[:4] or "SYSTEM" in line else line
            for line in LINES.strip().splitlines()]
