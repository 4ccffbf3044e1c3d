"""Command lines that rung, started as `podman` or as `docker`, answers as those do: see test_same_answers.py.

IMG is the test image. A line may end with two blanks and "#! why": there the answers differ, and that is the reason. Lines build on what
earlier ones did. What a line does must not depend on how fast the machine is.
"""

# Containers: ran (ended with 3), live (runs), fresh (created), labelled (created).
PODMAN_SETUP = """
    run --name ran -e A=b IMG sh -c 'echo one; echo two; exit 3'
    run -d --name live -l role=front --hostname mars -w /tmp IMG sleep 1000
    create --name fresh --read-only --stop-signal INT --stop-timeout 3 IMG true
    create --name labelled -l a=1 -l b=2 -v /etc:/host:ro IMG sh -c true
"""

PODMAN_FLAGS = """
    run --rm IMG sh -c 'exit 7'
    run --rm IMG no-such-program
    run --rm IMG /etc
    run --rm -e X=1 -e NOT_SET IMG sh -c 'echo $X $FROM_IMAGE $NOT_SET'
    run --rm IMG sh -c 'echo $container'  #! the variable says who runs the container
    run --rm --unsetenv FROM_IMAGE IMG sh -c 'echo x$FROM_IMAGE'
    run --rm --unsetenv-all IMG sh -c 'echo x$FROM_IMAGE'
    run --rm --env-file /nowhere IMG env
    run --rm IMG id
    run --rm -u guest IMG id
    run --rm -u guest:extra IMG id
    run --rm -u 1234:5 IMG id
    run --rm -u 77 IMG id
    run --rm -u 55 IMG tail -1 /etc/passwd
    run --rm -u 55 --passwd-entry 'foo:*:55:55::/:/bin/sh' IMG tail -1 /etc/passwd
    run --rm -u nobody-here IMG id  #! a mistake in the command line is 125, as in Docker; 126 is for programs that cannot be run
    run --rm --group-add 99 --group-add extra IMG id
    run --rm --group-add nobody-here IMG id  #! 125 as for --user
    run --rm --userns host IMG cat /proc/self/uid_map
    run --rm --userns keep-id IMG id
    run --rm --userns nonsense IMG id
    run --rm --uidmap 0:100000:1000 --gidmap 0:100000:1000 IMG sh -c 'cat /proc/self/uid_map; id; stat -c %u /bin'
    run --rm --uidmap nonsense IMG true
    run --rm -w /var IMG pwd
    run --rm -w /made/there IMG pwd  #! Docker makes the directory, and so do we
    run --rm -w relative IMG pwd  #! 125 as for --user
    run --rm -h a.b.c IMG sh -c 'hostname; cat /etc/hostname'
    run --rm --uts host -h venus IMG true
    run --rm --add-host there:1.2.3.4 IMG grep there /etc/hosts
    run --rm --add-host there IMG true
    run --rm --no-hosts IMG cat /etc/hosts
    run --rm --entrypoint echo IMG a b
    run --rm --entrypoint '["echo","x y"]' IMG z
    run --rm --entrypoint '' IMG echo z
    run --rm --read-only IMG touch /x
    run --rm --read-only IMG touch /tmp/x /run/x /var/tmp/x
    run --rm --read-only --read-only-tmpfs=false IMG touch /tmp/x
    run --rm --read-only IMG touch /etc/hosts
    run --rm --tmpfs /t:size=1m,mode=700,noexec IMG sh -c 'grep " /t " /proc/mounts; stat -c %a /t'
    run --rm --tmpfs /etc IMG ls /etc/passwd
    run --rm --tmpfs relative IMG true
    run --rm --mount type=tmpfs,dst=/t,tmpfs-size=1m,tmpfs-mode=1770 IMG sh -c 'stat -c %a /t; grep " /t " /proc/mounts'
    run --rm --mount type=tmpfs,destination=/etc,notmpcopyup IMG ls /etc
    run --rm --mount type=bind,src=/etc,dst=/host,ro IMG touch /host/x
    run --rm --mount type=bind,src=/nowhere,dst=/host IMG true
    run --rm --mount type=bind,src=/tmp,dst=/b,bind-propagation=nonsense IMG true
    run --rm --mount type=image,src=IMG,dst=/img IMG sh -c 'ls /img; touch /img/x'
    run --rm --mount type=image,src=IMG,dst=/img,rw=true IMG touch /img/x
    run --rm --mount type=devpts,dst=/pts IMG grep -c ' /pts ' /proc/mounts
    run --rm --mount type=nonsense,dst=/x IMG true
    run --rm --mount type=tmpfs,dst=/b,nonsense=1 IMG true
    run --rm --mount dst=/x IMG true  #! a type that is not said is a volume: Docker, later Podman
    run --rm -v /nowhere:/host IMG true
    run --rm -v /etc:/host:ro,nonsense IMG true
    run --rm -v /etc:relative IMG true
    run --rm -v relative/path:/x IMG true
    run --rm -v named:/x IMG sh -c 'echo hi > /x/f'
    run --rm -v named:/x:ro IMG cat /x/f
    run --rm -v named:/x:ro IMG touch /x/g
    run --rm --mount type=volume,src=named,dst=/y IMG cat /y/f
    run --rm --volumes-from live IMG true
    run --rm --volumes-from labelled:ro IMG ls /host/hostname
    run --rm --volumes-from none IMG true
    run --rm --device /dev/null:/dev/nothing IMG ls -l /dev/nothing
    run --rm --device /dev/nowhere IMG true
    run --rm --device /etc/passwd IMG true
    run --rm --device /dev/null::xyz IMG true
    run --rm IMG grep Cap /proc/self/status
    run --rm --cap-drop all IMG grep Cap /proc/self/status
    run --rm --cap-add all IMG grep CapEff /proc/self/status
    run --rm --cap-add cap_net_admin,sys_time IMG grep CapEff /proc/self/status
    run --rm --cap-add nonsense IMG true
    run --rm --cap-add chown --cap-drop chown IMG true  #! Docker takes both
    run --rm -u guest IMG grep Cap /proc/self/status
    run --rm -u guest --cap-add net_admin IMG grep Cap /proc/self/status
    run --rm --privileged IMG grep Cap /proc/self/status
    run --rm --privileged -u guest IMG grep Cap /proc/self/status
    run --rm --security-opt no-new-privileges IMG grep NoNew /proc/self/status
    run --rm --security-opt seccomp=unconfined IMG grep Seccomp: /proc/self/status
    run --rm --security-opt seccomp=/nowhere IMG true
    run --rm --security-opt nonsense=1 IMG true
    run --rm --security-opt mask=/etc/passwd IMG sh -c 'wc -c < /etc/passwd'
    run --rm --security-opt unmask=ALL IMG grep -c ' /proc/' /proc/mounts
    run --rm --sysctl net.ipv4.ip_default_ttl=9 IMG cat /proc/sys/net/ipv4/ip_default_ttl
    run --rm --sysctl vm.swappiness=9 IMG true
    run --rm --sysctl nonsense IMG true
    run --rm --network host --sysctl net.ipv4.ip_default_ttl=9 IMG true
    run --rm --ulimit nofile=100:200 IMG sh -c 'ulimit -n; ulimit -Hn'
    run --rm --ulimit nofile=300:200 IMG true
    run --rm --ulimit nonsense=1 IMG true
    run --rm --shm-size 1m IMG df -k /dev/shm
    run --rm --shm-size abc IMG true
    run --rm --umask 027 IMG sh -c umask
    run --rm --umask 999 IMG true
    run --rm --tz No/Where IMG true
    run --rm --pid nonsense IMG true
    run --rm --ipc nonsense IMG true
    run --rm --oom-score-adj 100 IMG cat /proc/self/oom_score_adj
    run --rm --personality LINUX32 IMG uname -m
    run --rm --hostuser nobody IMG grep -c nobody /etc/passwd
    run --rm --systemd nonsense IMG true
    run --rm --systemd always IMG sh -c 'grep -cE " (/run|/run/lock|/tmp) " /proc/mounts; echo $container_uuid | wc -c'
    run --rm --image-volume nonsense IMG true
    run --rm --init --init-path /nowhere IMG true
    run --rm --no-such-option IMG
    run --rm --pull never localhost/none:1
    run --rm --pull nonsense IMG
    run --rm --platform linux/s390x --pull never localhost/none:1
    run --rm --platform a/b/c/d IMG true
    run --rm --memory none IMG
    run --rm -m 8m --memory-reservation 10m IMG true
    run --rm -p nonsense IMG true
    run --rm -p 99999:80 IMG true
    run --rm --expose nonsense IMG true
    run --rm --network nowhere IMG true
    run --rm --network none IMG ls /sys/class/net
    run --rm --network none --network host IMG true
    run --rm --network container:none IMG true
    run --rm --ip nonsense IMG true
    run --rm --log-driver nonsense IMG true
    run --rm --log-driver none IMG echo hi
    run --rm --restart nonsense IMG true
    run --rm --restart always:3 IMG true
    run --rm -d --restart always IMG true
    run --rm --stop-signal nonsense IMG true
    run --rm --timeout 1 IMG sleep 20  #! killed is 128 + 9, as everywhere else
    run --rm --health-cmd true --no-healthcheck IMG true
    run --rm --health-cmd true --health-interval nonsense IMG true
    run --rm --health-cmd true --health-on-failure nonsense IMG true
    run --rm --requires none IMG true
    run --rm --sdnotify nonsense IMG true
    run --rm --seccomp-policy nonsense IMG true
    run --rm --cgroups nonsense IMG true
    run --rm -a nonsense IMG true
    run --rm -a stdout IMG sh -c 'echo out; echo err >&2'
    run --rm -i IMG cat
    run --rm --label =x IMG true
    run --rm --label-file /nowhere IMG true
    run --rm --secret none IMG true
    run --rm --pod none IMG true
    run --rm --rootfs /nowhere true
    run --rm --name 'bad name' IMG true
    run --rm --name '' IMG true
    run --name live IMG true
    run
    run --rm IMG:with:colons true
    create
    create --name once --rm IMG true
    start -a once
    container exists once
    run -d --name policy --restart on-failure:2 IMG sh -c 'exit 3'
    wait policy
    inspect --format '{{.HostConfig.RestartPolicy.Name}} {{.HostConfig.RestartPolicy.MaximumRetryCount}} {{.State.ExitCode}}' policy
    rm -f policy
    run --replace --name again IMG true
    run --rm --secret none,type=nonsense IMG true
    secret create word /etc/hostname
    run --rm --secret word IMG sh -c 'cat /run/secrets/word; stat -c "%a %u %g" /run/secrets/word'
    run --rm --secret word,target=/foo/bar,uid=5,gid=6,mode=0400 IMG stat -c '%a %u %g' /foo/bar
    run --rm --secret word,type=env,target=WORD IMG sh -c 'echo $WORD'
    secret create word /etc/hostname
    secret create other /nowhere
    secret inspect --format '{{.Spec.Name}} {{.Spec.Driver.Name}}' word
    secret ls --format '{{.Name}} {{.Driver}}'
    secret rm word
    secret rm word
    secret inspect word
"""



def asked_of_users(words):
    """On control groups of version 1 Podman leaves an ordinary user's limits out and says so; we refuse them."""
    return not {"-m", "--memory", "--cpus"} & set(words)


PODMAN_LISTS = """
    rm again
    ps
    ps -a
    ps -aq
    ps -a --no-trunc
    ps -a --format '{{.Names}} {{.State}}' --sort names
    ps --format '{{.Names}} {{.Image}}'
    ps -a --format '{{.Names}}|{{.Ports}}|{{.Pod}}|{{.Networks}}|{{.ImageID}}|{{.IsInfra}}|{{.ExitCode}}|{{.Exited}}|{{.AutoRemove}}'
    ps -a --format '{{json .Names}}' --sort names
    ps -a --format json --filter name=none
    ps -a --format '{{.NoSuch}}'
    ps -aq --filter name=none
    ps -a --filter name=li --format '{{.Names}}'
    ps -a --filter name=^li --format '{{.Names}}'
    ps -a --filter label=a=1 --format '{{.Names}}'
    ps -a --filter label=a --filter label=role --format '{{.Names}}'
    ps -a --filter status=created --format '{{.Names}}' --sort names
    ps -a --filter status=exited --format '{{.Names}} {{.Status}}'
    ps -a --filter status=nonsense
    ps -a --filter exited=3 --format '{{.Names}}'
    ps -a --filter exited=nonsense
    ps -a --filter ancestor=IMG --format '{{.Names}}' --sort names
    ps -a --filter before=fresh --format '{{.Names}}' --sort names
    ps -a --filter since=live --format '{{.Names}}' --sort names
    ps -a --filter network=none --format '{{.Names}}' --sort names
    ps -a --filter health=healthy
    ps -a --filter colour=red
    ps -a --filter nonsense
    ps -a --format 'table {{.Names}}' --sort names
    ps -a --format 'table {{.Names}}\t{{.Status}}' --sort names
    ps -a --noheading --format 'table {{.Names}}\t{{.Image}}' --sort names
    ps -a --format '{{.Names}} {{.Command}}' --filter name=live
    create --name entry --entrypoint sh IMG -c true
    ps -a --format '{{.Names}} {{.Command}}' --filter name=entry  #! the entrypoint is part of the command, as in Docker
    rm entry
    ps -a --format '{{.Labels}}' --filter name=labelled
    ps -a --format '{{.Mounts}}' --filter name=labelled  #! what is mounted, as in Docker, not where
    ps -n 1 --format '{{.Names}}'
    ps -l --format '{{.Names}}'
    ps --last 2 --format '{{.Names}}'
    ps -a --sort nonsense
    ps -a --sort created --format '{{.Names}}'
    ps --pod --format '{{.Pod}}'
    ps nonsense
    container ls -aq
    container ps --format '{{.Names}}'
    container list --format '{{.Names}}'
    container exists live
    container exists none
    container exists
    images -q
    images --no-trunc -q
    images  #! sizes are those of the files, as Docker's; Podman adds what tar adds
    images --format '{{.Repository}}:{{.Tag}} {{.ID}}'
    images --digests --format '{{.Repository}} {{.Digest}}'
    images --format '{{json .Repository}}'
    images --format 'table {{.Repository}}\t{{.Tag}}'
    images --noheading --format 'table {{.Repository}}'
    images --format json --filter reference=none
    images --format '{{.Created}}'
    images --format '{{.NoSuch}}'
    images --sort nonsense
    images --sort size -q
    images none
    images busybox --format '{{.Repository}}'
    images IMG --format '{{.Tag}}'
    images --filter dangling=true
    images --filter dangling=false -q
    images --filter label=none -q
    images --filter reference=*busybox* -q
    images --filter since=IMG -q
    images --filter before=IMG -q
    images --filter colour=red
    image ls -q
    image list -q
    image exists IMG
    image exists none
    image inspect --format '{{.Id}} {{.RepoTags}} {{.Architecture}} {{.Os}} {{.Config.Cmd}} {{.Config.Env}}' IMG
    image inspect --format '{{.Author}}|{{.Comment}}|{{.Version}}|{{.User}}|{{json .Annotations}}|{{.NamesHistory}}' IMG
    image inspect --format '{{json .RootFS}}' IMG
    image inspect --format '{{json .Config}}' IMG
    image inspect --format '{{json .History}}' IMG
    image inspect --format '{{.GraphDriver.Name}}' IMG
    image inspect --format '{{.Created}}' IMG  #! a time is shown as it is written, as by Docker
    image inspect none
    inspect --type image --format '{{.Id}}' IMG
    inspect --format '{{.Id}}' IMG
    inspect --type nonsense live
    inspect --type container IMG
    inspect none
    inspect
    inspect -l --format '{{.Name}}'
    container inspect none
    container inspect --format '{{.Name}}' live ran
    history --format '{{.CreatedBy}} {{.Comment}}' IMG
    history -q IMG
    history --format '{{.CreatedAt}}' IMG  #! as for image inspect
    history none
    history
"""

PODMAN_INSPECT = [
    "{{.Name}} {{.Path}} {{.ImageName}} {{.Image}}", "{{.State.Status}} {{.State.Running}} {{.State.Paused}} {{.State.ExitCode}}",
    "{{.State.OOMKilled}} {{.State.Restarting}} {{.State.Dead}} {{.RestartCount}} {{.State.Error}}", "{{.Config.Cmd}} {{.Config.Entrypoint}}",
    "{{.Config.WorkingDir}} {{.Config.User}} {{.Config.Tty}} {{.Config.OpenStdin}} {{.Config.Umask}}", "{{json .Config.Labels}}",
    "{{.Config.StopSignal}} {{.Config.StopTimeout}}", "{{.HostConfig.ReadonlyRootfs}} {{.HostConfig.Privileged}}",
    "{{.HostConfig.AutoRemove}} {{.HostConfig.Memory}} {{.HostConfig.NanoCpus}} {{.HostConfig.CpuShares}}",
    "{{range .Mounts}}{{.Type}} {{.Source}} {{.Destination}} {{.RW}}{{end}}", "{{.HostConfig.NetworkMode}} {{.NetworkSettings.Ports}}",
    "{{.HostConfig.RestartPolicy.Name}} {{.HostConfig.RestartPolicy.MaximumRetryCount}}", "{{.IsInfra}} {{.Pod}} {{.HostConfig.Links}}",
    "{{.HostConfig.CapAdd}} {{.HostConfig.SecurityOpt}} {{.HostConfig.ShmSize}} {{.HostConfig.VolumesFrom}}",
    "{{.GraphDriver.Name}} {{.Driver}}", "{{.HostConfig.Devices}} {{.HostConfig.Dns}} {{.HostConfig.GroupAdd}}",
]

PODMAN_TEMPLATES = """
    inspect --format '{{.Path}} {{.Args}}' fresh  #! Args are what stands behind Path; podman 4.3 repeats Path where nothing does
    inspect --format '{{.Config.Hostname}} {{.EffectiveCaps}}' live
    inspect --format '{{.Args}}' ran live labelled
    inspect --format '{{.HostConfig.Binds}}' labelled  #! as it was typed, as in Docker
    inspect --format '{{range $k, $v := .Config.Labels}}{{$k}}={{$v}};{{end}}' labelled
    inspect --format '{{join .Config.Cmd ","}}' live
    inspect --format '{{if .State.Running}}up{{else}}down{{end}}' live ran
    inspect --format '{{upper .Name}} {{title .Name}}' live
    inspect --format '{{println .Name}}' live
    inspect --format '{{printf "%s-%d" .Name .State.ExitCode}}' ran
    inspect --format '{{eq .State.ExitCode 3}} {{and .State.Running true}}' ran
    inspect --format '{{index .Config.Labels "a"}} {{len .Config.Labels}}' labelled
    inspect --format '{{.NoSuchField}}' live
    inspect --format '{{.Name' live
    inspect --format '{{nonsense}}' live
    inspect --format '{{.Config.Env}}' live  #! what was asked for, as Docker shows it, not what the program finds
    inspect --format '{{.State.StartedAt}}' fresh  #! a time is shown as it is written, as by Docker
"""

PODMAN_DEEDS = """
    logs ran
    logs --tail 1 ran
    logs --tail 0 ran
    logs --tail nonsense ran
    logs --since 1h ran
    logs --until 2000-01-01 ran
    logs --since nonsense ran
    logs fresh
    logs none
    logs
    exec live sh -c 'pwd; hostname; exit 5'
    exec live sh -c 'echo $HOME $HOSTNAME; id -u'
    exec -e Y=2 -w /var live sh -c 'echo $Y; pwd'
    exec -u guest live id  #! his own group is among his groups (CVE-2022-2989): run does the same
    exec -u nobody-here live id  #! 125 as for run
    exec --env-file /nowhere live true
    exec --privileged live grep CapEff /proc/self/status
    exec live grep CapEff /proc/self/status
    exec live no-such-program
    exec live /etc
    exec live sh -c 'kill -9 $$'
    exec -i live cat
    exec live  #! 125: nothing was executed
    exec
    exec none true
    exec ran true
    top live pid user args
    top ran
    top
    port live
    port none
    diff fresh
    diff --format json fresh
    diff none
    wait ran
    wait none
    wait --condition nonsense live
    stats --no-stream --format '{{.Name}}' none
    update --cpus 0.5 none
    pause fresh
    pause none
    unpause live
    kill ran
    kill none
    kill -s NONSENSE live
    stop none
    stop -i none
    init none
    rename fresh newer
    inspect --format '{{.Name}} {{.State.Status}}' newer
    rename newer live
    rename newer 'a b'
    rename newer fresh
    rename none x
    rename live
    cp live:/nowhere /tmp/x
    cp none:/x /tmp/x
    cp /nowhere live:/tmp
    cp /etc/hostname live:/nowhere/there/
    cp /etc/hostname live:/tmp/copied
    exec live cat /tmp/copied
    cp live:/etc
    cp /a /b
    export none
    pause live
    exec live true
    inspect --format '{{.State.Status}} {{.State.Paused}}' live
    unpause live
    commit -q live made
    images made --format '{{.Repository}} {{.Tag}}'
    commit -q -a me -c 'CMD foo' -c 'ENV X=y' live made:2
    image inspect --format '{{.Config.Cmd}} {{.Author}}' made:2
    commit none x
    commit live UPPER
    commit -c 'FOO bar' live x
    commit -q -m why live made:3  #! podman writes no comment into an OCI image
    tag IMG localhost/other:2
    images --format '{{.Repository}}:{{.Tag}}' other
    untag localhost/other:2
    untag localhost/other:2
    tag none x
    tag IMG UPPER:1
    tag IMG
    rmi made:2
    rmi none
    rmi -f none
    rmi -i none
    rmi IMG
    rmi
    save none
    load -i /nowhere
    load -i /etc/passwd
    import /nowhere
    manifest create list
    manifest create list
    manifest exists list
    manifest exists none
    manifest rm list
    manifest rm list
    volume create one
    volume create one
    volume create -d nonsense two
    volume create 'a b'
    volume ls -q --filter name=one
    volume ls --format '{{.Name}} {{.Driver}} {{.Labels}} {{.Scope}}' --filter name=one
    volume ls --format json --filter name=none
    volume ls --filter colour=red
    volume inspect one --format '{{.Name}} {{.Driver}} {{.Labels}} {{.Scope}} {{.Options}}'
    volume inspect none
    volume exists one
    volume exists none
    volume rm none
    volume rm one none
    volume rm one
    volume export none
    pod exists none
    pod rm none
    healthcheck run live
    healthcheck run none
    generate systemd none
    pull --policy nonsense x
    push none
    manifest inspect none
    info --format '{{.NoSuch}}'
    info --format '{{.Host.OS}}'
    version --format '{{.NoSuch}}'
    system prune -f --filter colour=red
    container prune -f --filter colour=red
    no-such-command
    container no-such-command
    --no-such-option ps
    rm live
    rm none
    rm -i none
    rm -f none
    rm
    stop -t 0 live
    inspect --format '{{.State.Status}} {{.State.ExitCode}}' live
    stop live
    start live
    start live  #! the name is said again, as by Docker
    start none
    start
    restart -t 0 live
    restart none
    kill live
    wait live
    rm -f -t 0 live
    rm ran fresh labelled
    ps -aq
    ps -a
"""

DOCKER_SETUP = """
    run --network none --name ran -e A=b IMG sh -c 'echo one; echo two; exit 3'
    run -d --network none --name live -l role=front --hostname mars -w /tmp IMG sleep 1000
    create --network none --name fresh --read-only --stop-signal INT IMG true
"""

DOCKER = """
    ps -a
    ps -aq
    ps -a --format '{{json .Names}}'
    ps -a --format '{{.ID}}|{{.Names}}|{{.Image}}|{{.Command}}|{{.State}}|{{.Networks}}|{{.Ports}}|{{.LocalVolumes}}|{{.Labels}}'
    ps -a --format '{{.Label "role"}}'
    ps -a --format '{{.NoSuch}}'
    ps -a --filter status=nonsense
    ps -a --filter name=li --format '{{.Names}}'
    ps -a --filter colour=red
    ps -a --filter exited=3 --format '{{.Names}}'
    ps -a --filter ancestor=IMG --format '{{.Names}}'
    ps -a --format 'table {{.Names}}\t{{.State}}'
    ps -n 1 --format '{{.Names}}'
    ps -l --format '{{.Names}}'
    ps nonsense
    container ls -aq
    images
    images -q
    images --no-trunc -q
    images --format '{{.ID}}|{{.Repository}}|{{.Tag}}|{{.Size}}'
    images --format '{{json .Repository}}'
    images none
    images localhost/busybox
    images --filter dangling=true
    images --filter colour=red
    image inspect --format '{{.Id}} {{.RepoTags}} {{.Architecture}} {{.Os}} {{.Author}} {{.Created}}' IMG
    image inspect --format '{{json .Config.Cmd}} {{json .Config.Env}} {{json .RootFS.Type}}' IMG
    image inspect none
    inspect --format '{{.Id}}' IMG
    inspect nobody
    inspect --type nonsense live
    inspect --format '{{.Name}} {{.Path}} {{.Args}} {{.State.Status}} {{.State.ExitCode}} {{.RestartCount}} {{.Platform}}' live ran
    inspect --format '{{.Config.Hostname}} {{.Config.Cmd}} {{.Config.Labels}} {{.Config.WorkingDir}} {{.Config.OnBuild}} {{.Config.Volumes}} {{.Config.User}}' live
    inspect --format '{{.HostConfig.NetworkMode}} {{.HostConfig.ShmSize}} {{.HostConfig.RestartPolicy.Name}}' live
    inspect --format '{{.HostConfig.Binds}} {{.HostConfig.CapAdd}} {{.HostConfig.CapDrop}} {{.HostConfig.Links}} {{.HostConfig.VolumesFrom}}' live
    inspect --format '{{json .Mounts}} {{.State.StartedAt}} {{.Config.StopSignal}}' fresh
    inspect --format '{{.NoSuch}}' live
    inspect --format '{{.HostConfig.LogConfig.Type}}' live  #! a plain file is our default
    logs ran
    logs -n 1 ran
    logs none
    logs --since nonsense ran
    exec live sh -c 'pwd; hostname; exit 5'
    exec none true
    exec ran true
    exec live no-such-program  #! 127, as run has it, and later Dockers
    exec -w /var live pwd
    exec live
    top ran
    port fresh
    port live 80
    port none
    diff ran
    diff none
    wait ran
    wait none
    rename fresh live
    rename fresh newer
    rename newer fresh
    rename none x
    pause live
    pause live
    exec live true
    unpause live
    unpause live
    kill none
    kill ran
    kill -s NONSENSE live
    rm live
    rm none
    rm -f none
    rmi none
    rmi -f none
    rmi IMG
    tag IMG other:1
    rmi other:1
    tag none x
    tag IMG UPPER:1
    history --format '{{.CreatedBy}}|{{.Comment}}|{{.Size}}|{{.CreatedAt}}' IMG
    history -q IMG
    history none
    save none
    save
    export none
    load -i /nowhere
    import /nowhere
    cp live:/none /tmp/x
    cp none:/x /tmp/x
    volume create v1
    volume ls --format '{{.Name}} {{.Driver}} {{.Scope}} {{.Labels}}' --filter name=v1
    volume ls --filter name=v1
    volume inspect --format '{{.Name}} {{.Driver}} {{.Labels}} {{.Options}} {{.Scope}}' v1
    volume inspect none
    volume rm none
    volume rm v1
    volume ls --filter colour=red
    version --format '{{.NoSuch}}'
    info --format '{{.OSType}} {{.Containers}} {{.ContainersRunning}} {{.Images}}'
    info --format '{{.NoSuch}}'
    system df --format '{{.Type}}|{{.TotalCount}}|{{.Active}}'
    commit none x
    commit live UPPER
    run --rm --network none IMG no-such-program
    run --rm --network none IMG /etc
    run --rm --network none -u nobody-here IMG true
    run --rm --network none -u guest IMG id
    run --rm --network none -w relative IMG true
    run --rm --network none -w /made/there IMG pwd
    run --rm --network none --no-such IMG
    run --rm --network none -m nonsense IMG true
    run --rm --pull never none
    run --rm --network none --name live IMG
    run --rm --network none --stop-signal NONSENSE IMG
    run --rm --network none --cap-add nonsense IMG true
    run --rm --network none -v /etc:/h:nonsense IMG true
    run --rm --network none -v relative/x:/h IMG true
    run --rm --network none --mount type=nonsense IMG true
    run --rm --network none --ulimit nonsense=1 IMG true
    run --rm --network none --log-driver nonsense IMG true
    run --rm --network none --restart nonsense IMG true
    run --rm --restart always IMG true
    run --rm --network none --security-opt nonsense IMG true
    run --rm --network none --sysctl nonsense IMG true
    run --rm --network none --device /nowhere IMG true  #! 127 is for programs that are not there
    run --rm --network none IMG grep CapEff /proc/self/status  #! Podman's shorter list of capabilities
    run --rm --network none --init IMG sh -c 'echo $$'
    run --rm --network none --entrypoint '' IMG echo z
    run --rm --network none --env-file /nowhere IMG true
    start none
    start
    start live
    stop none
    stop -t 0 live
    stop live
    restart none
    restart -t 0 live
    kill live
    update --cpus 0.5 fresh
    update none
    container prune -f --filter colour=red
    stats --no-stream none
    attach ran
    attach none
    login nowhere.invalid
    no-such-command
    container no-such-command
    rm -f live fresh ran
    ps -a
"""
