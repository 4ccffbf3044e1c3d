"""What a client's stages hold, without what clients keep on purpose: the measure of "nothing remains"."""

import re

# Kept by clients for the life of the machine, whatever the runtime does. dockerd deletes unmounted files in netns once a
# minute; a network namespace that lives on is still found, by its mount. podman makes and removes a pod's cgroup only in
# hierarchies with controllers; parents that the runtime had to make in the others stay, as do those that all containers share.
KEPT = re.compile(
    r"path /run/(containers/storage/|libpod/|containers/networks/|docker/(libnetwork|plugins|swarm|netns)/|mount|lock|crun$|runc$|rung(/oci)?$)"
    r"|mount \S+ (/run/netns|\S+/containers(/storage)?/overlay)$|cgroup /(systemd|unified)/libpod_parent/[0-9a-f]{64}$|cgroup /\w+/(default|docker|libpod_parent)$"
    r"|path /run/netns$|path /run/user/\d+/(libpod/tmp/|containers/|netns$|crun$|runc$|rung(/oci)?$)"
)


def stages_of(client):
    return getattr(client, "stages", [client.stage])


def inventory(client):
    return {f"{stage.node}: {thing}" for stage in stages_of(client) for thing in stage.inventory() if not KEPT.match(thing)}
