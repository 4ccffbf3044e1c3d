"""The verbs of images: what they print, whom they find, what they refuse."""

import json

import pytest

from conftest import needs_root
from storing import configuration, digest, docker_archive, layer, oci_members, pack, store  # noqa: F401

pytestmark = pytest.mark.filterwarnings("ignore")
FILES = {"bin/": None, "bin/tool": "#!/bin/sh\n", "etc/": None, "etc/name": "one\n"}


def test_an_empty_store_is_no_failure(store):
    assert store("images").output.split("\n")[1:] == [""]
    assert store("images", "-q").output == ""
    assert store("system", "check").status == 0


def test_images_prints_a_row_per_name(store):
    image = store.load_image(FILES, "web:1", "quay.io/a/b:2")
    assert store.names() == {"web:1", "quay.io/a/b:2"}
    line = next(line for line in store("images").output.splitlines() if line.startswith("web"))
    assert line.split()[:3] == ["web", "1", image[7:19]]
    assert store("images", "-q", "--no-trunc").output.split() == [image, image]
    row = json.loads(store("images", "--format", "json").output.splitlines()[0])
    assert {"Repository", "Tag", "ID", "Size", "CreatedSince", "CreatedAt", "Digest"} <= set(row)
    assert row["ID"] == image[7:19]


def test_as_podman_names_are_full_and_ids_plain(store):
    image = store.load_image(FILES, "web:1")
    assert "docker.io/library/web" in store.podman("images").output
    rows = json.loads(store.podman("images", "--format", "json").output)
    assert rows[0]["Id"] == image[7:] and rows[0]["Names"] == ["docker.io/library/web:1"]
    assert json.loads(store.podman("image", "inspect", "web:1").output)[0]["Id"] == image[7:]
    store.podman("tag", "web:1", "mine")
    assert "localhost/mine" in store.podman("images").output
    assert store.podman("rmi", "mine").output == "Untagged: localhost/mine:latest\n"


@pytest.mark.parametrize("word", ["web:1", "docker.io/library/web:1", "library/web:1", "docker.io/web:1"])
def test_a_name_is_found_in_all_its_forms(store, word):
    image = store.load_image(FILES, "web:1")
    assert store.inspect(word)["Id"] == image


def test_an_image_is_found_by_id_and_digest(store):
    image = store.load_image(FILES, "web:1")
    for word in (image, image[7:], image[7:19], image[7:10], image[:20]):
        assert store.inspect(word)["Id"] == image
    manifest = store.inspect(image)["Digest"]
    assert store.inspect(f"web@{manifest}")["Id"] == image
    assert store.inspect(f"web:1@{manifest}")["Id"] == image
    store.refused("image", "inspect", f"other@{manifest}", saying="no such image", status=1)


def test_the_end_of_one_name_is_enough(store):
    image = store.load_image(FILES, "127.0.0.1:5000/deep/tiny:latest")
    assert store.inspect("tiny")["Id"] == image
    store.load_image({"other": "x"}, "127.0.0.1:5001/tiny:latest")
    store.refused("image", "inspect", "tiny", saying="no such image", status=1)


def test_a_beginning_of_several_ids_is_refused(store):
    seen = {}
    for number in range(40):
        image = store.load_image({"a": str(number)}, f"n:{number}")
        if image[7] in seen:
            store.refused("image", "inspect", image[7], saying="ambiguous", status=1)
            return
        seen[image[7]] = image
    raise AssertionError("forty ids with forty first digits")


def test_inspect_tells_the_whole_configuration(store):
    config = {"Env": ["PATH=/bin", "A=b=c"], "Cmd": ["run"], "Entrypoint": ["/bin/tool", "-x"], "User": "7:8",
              "WorkingDir": "/work", "StopSignal": "SIGQUIT", "Labels": {"a": "1", "b.c": "2"},
              "ExposedPorts": {"80/tcp": {}, "53/udp": {}}, "Volumes": {"/data": {}}, "Shell": ["/bin/ash", "-c"],
              "OnBuild": ["RUN x"], "StopTimeout": 5,
              "Healthcheck": {"Test": ["CMD-SHELL", "true"], "Interval": 5000000000, "Timeout": 1000000000,
                              "StartPeriod": 2000000000, "StartInterval": 3000000000, "Retries": 4}}
    store.load_image(FILES, "web:1", **config)
    shown = store.inspect("web:1")
    assert shown["Config"] == config
    assert shown["Architecture"] in ("amd64", "arm64") and shown["Os"] == "linux"
    assert shown["RepoTags"] == ["web:1"] and shown["RootFS"]["Layers"] == [digest(layer(FILES))]
    assert shown["Labels"] == config["Labels"] and shown["User"] == "7:8"
    assert store("image", "inspect", "-f", "{{.Config.WorkingDir}} {{index .Config.Labels \"b.c\"}}",
                 "web:1").output == "/work 2\n"


def test_words_where_lists_should_be_are_understood(store):
    store.load_image(FILES, "old:1", Cmd="single", Entrypoint=None)
    assert store.inspect("old:1")["Config"]["Cmd"] == ["single"]


def test_inspect_goes_on_after_a_wrong_name(store):
    store.load_image(FILES, "web:1")
    result = store.refused("image", "inspect", "nope", "web:1", saying="no such image: nope", status=1)
    assert len(json.loads(result.output)) == 1


def test_history_is_newest_first(store):
    layers = [layer({"a": "1"}), layer({"b": "22"})]
    store.load(docker_archive([(layers, ["h:1"], {})]))
    lines = store("history", "h:1").output.splitlines()
    assert [line.split("step ")[1][0] for line in lines[1:]] == ["1", "0"]
    assert lines[2].startswith("<missing>")
    sizes = store("history", "--human=false", "--format", "{{.CreatedBy}}={{.Size}}", "h:1").output.split("\n")
    assert sizes[:2] == ["step 1=2", "step 0=1"]


def test_tree_shows_layers_and_who_ends_there(store):
    base, top = layer({"a": "1"}), layer({"b": "2"})
    store.load(docker_archive([([base], ["base:1"], {}), ([base, top], ["top:1"], {})]))
    output = store("image", "tree", "top:1").output
    assert f"├── ID: {digest(base)[7:19]}" in output and f"└── ID: {digest(top)[7:19]}" in output
    assert "Top Layer of: [base:1]" in output


def test_exists_answers_by_status(store):
    store.load_image(FILES, "web:1")
    store("image", "exists", "web:1")
    store("image", "exists", "web:2", check=1)


def test_filters(store):
    old = store.load_image({"a": "1"}, "old:1", created="2020-01-01T00:00:00Z", Labels={"k": "v"})
    new = store.load_image({"a": "2"}, "reg.io/new:1", created="2024-01-01T00:00:00+02:00")
    nameless = store.load_image({"a": "3"}, created="2022-01-01T00:00:00Z")

    def found(*filters):
        words = [word for one in filters for word in ("--filter", one)]
        return set(store("images", "-q", "--no-trunc", *words).output.split())
    assert found("dangling=true") == {nameless}
    assert found("dangling=false") == {old, new}
    assert found("label=k") == found("label=k=v") == {old}
    assert found("label=k=w") == set()
    assert found("label!=k") == {new, nameless}
    assert found("before=old:1") == set()
    assert found("since=old:1") == {new, nameless}
    assert found("before=reg.io/new:1") == {old, nameless}
    assert found("until=2021-01-01") == {old}
    assert found("reference=old") == found("reference=o*:1") == found("reference=old:1") == {old}
    assert found("reference=reg.io/*") == found("reference=*/new") == {new}
    assert found("reference=old", "reference=new") == {old, new}
    assert found("reference=old", "dangling=true") == set()
    assert found("id=" + old[7:15]) == {old}
    assert set(store("images", "-q", "--no-trunc", "old").output.split()) == {old}
    store.refused("images", "--filter", "colour=red", saying="no such filter")
    store.refused("images", "--filter", "dangling=perhaps", saying="true or false")
    order = store("images", "--sort", "size", "--format", "{{.Repository}}")
    assert order.status == 0
    assert store("images", "--format", "{{.Repository}}").output.split() == ["reg.io/new", "<none>", "old"]


def test_tag_moves_a_name(store):
    one = store.load_image({"a": "1"}, "one:1")
    two = store.load_image({"a": "2"}, "two:1")
    store("tag", "one:1", "two:1", "three")
    assert store.names() == {"one:1", "two:1", "three:latest", "<none>:<none>"}
    assert store.inspect("two:1")["Id"] == one
    assert store.inspect(two)["RepoTags"] == []
    store("tag", "one:1", "one:1")
    assert store.names() == {"one:1", "two:1", "three:latest", "<none>:<none>"}
    store.refused("tag", "one:1", "Bad Name", saying="Bad Name")
    store.refused("tag", "one:1", "x@" + one, saying="digest")
    store.refused("tag", "nope", "x", saying="no such image")


def test_untag_keeps_the_image(store):
    image = store.load_image(FILES, "a:1", "b:1", "c:1")
    store("untag", "a:1", "b:1")
    assert store.names() == {"a:1", "c:1"}
    store("untag", "a:1")
    assert store.names() == {"<none>:<none>"} and store.ids() == {image}
    store.refused("untag", image, "a:1", saying="no such image")


def test_rmi_takes_the_last_name_and_the_image(store):
    image = store.load_image(FILES, "a:1", "b:1")
    assert store("rmi", "a:1").output == "Untagged: a:1\n"
    assert store("rmi", "b:1").output == f"Untagged: b:1\nDeleted: {image}\n"
    assert store.blobs() == set() and store.snapshots() == set()


def test_rmi_by_id(store):
    image = store.load_image(FILES, "a:1", "a:2")
    assert store("rmi", image[7:17]).output.endswith(f"Deleted: {image}\n")
    image = store.load_image(FILES, "a:1", "b:2")
    store.refused("rmi", image, saying="several repositories", status=2)
    assert store.names() == {"a:1", "b:2"}
    store("rmi", "--force", image)
    assert store.ids() == set()


def test_rmi_goes_on_after_a_wrong_name(store):
    store.load_image(FILES, "a:1")
    store.refused("rmi", "nope", "a:1", saying="no such image: nope", status=1)
    assert store.ids() == set()
    store("rmi", "--ignore", "nope")
    store.refused("rmi", saying="which image")


def test_layers_that_others_need_stay(store):
    base, top = layer({"a": "1"}), layer({"b": "2"})
    store.load(docker_archive([([base], ["base:1"], {}), ([base, top], ["top:1"], {})]))
    store("rmi", "top:1")
    assert store.snapshots() == {digest(base)[7:]}
    store.whole()
    store("rmi", "base:1")
    assert store.blobs() == set() and store.snapshots() == set()


def make_user(store, image, state=None):
    """What a container leaves to be found by."""
    directory = store.root / "containers" / ("c" * 64)
    directory.mkdir(parents=True)
    (directory / "config.json").write_text(json.dumps({"id": "c" * 64, "name": "web", "imageId": image}))
    (directory / "state.json").write_text(json.dumps(state or {"status": "exited"}))
    return directory


def test_what_a_container_uses_stays(store):
    image = store.load_image(FILES, "a:1")
    directory = make_user(store, image)
    store.refused("rmi", "a:1", saying="stopped container cccccccccccc \\(web\\)", status=2)
    store.refused("rmi", image, saying="stopped container", status=2)
    store("image", "prune", "--all", "--force")
    assert store.ids() == {image}
    store("rmi", "--force", image)
    assert store.ids() == set()
    assert store.snapshots() == {digest(layer(FILES))[7:]}, "the container needs its layers"
    for path in directory.iterdir():
        path.unlink()
    directory.rmdir()
    store("image", "prune", "--force")
    assert store.snapshots() == set() and store.blobs() == set()


def test_forcing_a_name_of_a_used_image_only_untags(store):
    image = store.load_image(FILES, "a:1")
    make_user(store, image)
    assert store("rmi", "--force", "a:1").output == "Untagged: a:1\n"
    assert store.ids() == {image}


def test_what_runs_cannot_be_forced(store):
    image = store.load_image(FILES, "a:1")
    stat = open("/proc/self/stat", encoding="ascii").read().rpartition(")")[2].split()
    import os
    make_user(store, image, {"status": "running", "pid": os.getpid(), "pidStart": int(stat[19])})
    store.refused("rmi", "--force", image, saying="running container", status=2)
    assert store.ids() == {image}


def test_prune(store):
    store.load_image({"a": "1"}, "keep:1")
    store.load_image({"a": "2"})
    assert store("image", "prune", data=b"n\n").output.endswith("[y/N] ")
    assert len(store.ids()) == 2
    output = store("image", "prune", "--force").output
    assert output.startswith("Deleted Images:\ndeleted: sha256:") and "Total reclaimed space: " in output
    assert store.names() == {"keep:1"}
    store("image", "prune", "-a", data=b"y\n")
    assert store.ids() == set() and store.blobs() == set()


@needs_root
def test_mount_shows_the_files(store):
    lower = layer({"etc/": None, "etc/name": "one", "gone": "x"})
    upper = layer({"etc/": None, "etc/name": "two", ".wh.gone": ""})
    store.load(docker_archive([([lower, upper], ["m:1"], {})]))
    place = store("image", "mount", "m:1").output.strip()
    assert open(f"{place}/etc/name", encoding="ascii").read() == "two"
    assert "m:1" in store("image", "mount").output
    with pytest.raises(OSError):
        open(f"{place}/new", "w", encoding="ascii")
    import os
    assert not os.path.exists(f"{place}/gone")
    store("image", "unmount", "m:1")
    assert store("image", "mount").output == ""
    store.refused("image", "unmount", "m:1", saying="not mounted")


# ---- load, save, import ---------------------------------------------------------------

def test_load_tells_names_and_ids(store):
    layers = [layer(FILES)]
    output = store.load(docker_archive([(layers, ["a:1", "q.io/b:2"], {}), ([layer({"z": "z"})], [], {})])).output
    assert output.splitlines()[:2] == ["Loaded image: a:1", "Loaded image: q.io/b:2"]
    assert output.splitlines()[2] == f"Loaded image ID: {digest(configuration([layer({'z': 'z'})]))}"


@pytest.mark.parametrize("form", ["docker-archive", "oci-archive"])
def test_saved_images_come_back_the_same(store, form, work):
    blobs, manifest = oci_members([layer(FILES), layer({"b": "2"})], "example.org/web:1", Cmd=["x"])
    store.load(pack(blobs))
    before = store.inspect("example.org/web:1")
    assert before["Digest"] == manifest
    store("save", "--format", form, "-o", work / "one.tar", "example.org/web:1")
    piped = store("save", "--format", form, "example.org/web:1", binary=True).output
    assert piped == (work / "one.tar").read_bytes()
    store("rmi", "-f", before["Id"])
    store("load", "-i", work / "one.tar")
    after = store.inspect("example.org/web:1")
    assert after["Id"] == before["Id"] and after["RootFS"] == before["RootFS"]
    if form == "oci-archive":
        assert after["Digest"] == manifest
    store.whole()
    assert not store.leftovers()


def test_directories(store, work):
    blobs, manifest = oci_members([layer(FILES), layer({"b": "2"})], "example.org/web:1")
    for name, data in blobs.items():
        (work / "in" / name).parent.mkdir(parents=True, exist_ok=True)
        (work / "in" / name).write_bytes(data)
    store("load", "-i", work / "in")
    assert store.inspect("example.org/web:1")["Digest"] == manifest
    store("save", "--format", "oci-dir", "-o", work / "out", "example.org/web:1")
    for name, data in blobs.items():
        if name.startswith("blobs/"):
            assert (work / "out" / name).read_bytes() == data
    store("save", "--format", "docker-dir", "-o", work / "dir", "example.org/web:1")
    assert digest((work / "dir/manifest.json").read_bytes()) == manifest
    store.refused("save", "--format", "oci-dir", "-o", work / "out", "example.org/web:1", saying="exists")
    store.refused("save", "--format", "oci-dir", "example.org/web:1", saying="--output")


def test_several_images_share_their_layers(store, work):
    base = layer({"a": "1" * 1000})
    store.load(docker_archive([([base], ["base:1"], {}), ([base, layer({"b": "2"})], ["top:1"], {})]))
    store("save", "-o", work / "both.tar", "base:1", "top:1")
    import tarfile
    with tarfile.open(work / "both.tar") as tar:
        assert sorted(tar.getnames()).count(digest(base)[7:] + ".tar") == 1
    store("rmi", "--all", "--force")
    assert store("load", "-i", work / "both.tar").output == "Loaded image: base:1\nLoaded image: top:1\n"


def test_a_compressed_archive_is_understood(store):
    import gzip
    store.load(gzip.compress(docker_archive([([layer(FILES)], ["a:1"], {})])))
    assert store.names() == {"a:1"}


def test_a_failed_save_leaves_what_was_there(store, work):
    store.load_image(FILES, "a:1")
    (work / "out.tar").write_text("precious")
    blob = max((store.root / "images/blobs/sha256").iterdir(), key=lambda path: path.stat().st_size)
    blob.unlink()
    store.refused("save", "-o", work / "out.tar", "a:1", saying="No such file")
    assert (work / "out.tar").read_text() == "precious"
    assert [path.name for path in work.iterdir() if path.name.startswith("out")] == ["out.tar"]


BAD = {
    "not a tar": (b"hello\n" * 1000, ""),
    "empty": (b"", ""),
    "no manifest": (pack({"a": b"1"}), "neither manifest.json nor"),
    "manifest is no JSON": (pack({"manifest.json": b"[{"}), "manifest.json"),
    "manifest is no array": (pack({"manifest.json": b"{}"}), "array"),
    "no such config": (pack({"manifest.json": b'[{"Config":"x.json","Layers":[]}]'}), "no x.json"),
    "no such layer": (pack({"c.json": configuration([b"x"]),
                            "manifest.json": b'[{"Config":"c.json","Layers":["y"]}]'}), "no layer y"),
    "wrong diff id": (pack({"c.json": configuration([b"x"]), "y": layer(FILES),
                            "manifest.json": b'[{"Config":"c.json","Layers":["y"]}]'}), "diff id"),
    "wrong number": (pack({"c.json": configuration([]), "y": layer(FILES),
                           "manifest.json": b'[{"Config":"c.json","Layers":["y"]}]'}), "layers"),
    "bad name": (docker_archive([([layer(FILES)], ["UPPER CASE"], {})]), "name"),
    "schema 1": (pack({"oci-layout": b"{}", "index.json": json.dumps({"schemaVersion": 2, "manifests": [
        {"digest": digest(b'{"schemaVersion":1}'), "size": 19}]}).encode(),
        "blobs/sha256/" + digest(b'{"schemaVersion":1}')[7:]: b'{"schemaVersion":1}'}), "schema 1"),
    "bad digest": (pack({"oci-layout": b"{}", "index.json": b'{"manifests":[{"digest":"sha256:../../x","size":1}]}'}),
                   "digest"),
    "blob of another digest": (pack({"oci-layout": b"{}", "index.json": json.dumps({"manifests": [
        {"digest": "sha256:" + "0" * 64, "size": 2}]}).encode(), "blobs/sha256/" + "0" * 64: b"{}"}), "digest"),
}


@pytest.mark.parametrize("what", BAD)
def test_a_bad_archive_is_refused_and_leaves_nothing(store, what):
    data, saying = BAD[what]
    store.refused("load", data=data, saying=saying)
    assert store.ids() == set() and not store.leftovers()
    store("image", "prune", "--force")
    assert store.blobs() == set() and store.snapshots() == set()


def test_oci_layer_with_a_wrong_digest_is_refused(store):
    blobs, _ = oci_members([layer(FILES)], "a:1")
    name = max((name for name in blobs if name.startswith("blobs/")), key=lambda name: len(blobs[name]))
    blobs[name] = blobs[name][:-20] + b"x" * 20
    store.refused("load", data=pack(blobs), saying="digest|damaged|data")
    assert store.ids() == set()


def test_an_index_gives_this_machines_image(store):
    own, own_manifest = oci_members([layer({"a": "own"})])
    other, other_manifest = oci_members([layer({"a": "other"})])
    machine = "amd64" if __import__("os").uname().machine == "x86_64" else "arm64"
    index = json.dumps({"schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json", "manifests": [
        {"digest": other_manifest, "size": 1, "platform": {"os": "linux", "architecture": "s390x"}},
        {"digest": "sha256:" + "1" * 64, "size": 1, "platform": {"os": "windows", "architecture": machine}},
        {"digest": own_manifest, "size": 1, "platform": {"os": "linux", "architecture": machine}}]}).encode()
    members = {**own, **other, f"blobs/sha256/{digest(index)[7:]}": index, "index.json": json.dumps({"manifests": [
        {"mediaType": "application/vnd.oci.image.index.v1+json", "digest": digest(index), "size": len(index),
         "annotations": {"org.opencontainers.image.ref.name": "multi:1"}}]}).encode()}
    store.load(pack(members))
    assert store.inspect("multi:1")["RootFS"]["Layers"] == [digest(layer({"a": "own"}))]
    store.whole()
    store("image", "prune", "--force")
    assert store.inspect("multi:1")["RootFS"]["Layers"] == [digest(layer({"a": "own"}))]


def test_import_makes_an_image(store, work):
    (work / "tree.tar").write_bytes(layer(FILES))
    image = store("import", "-m", "from a tree", "-c", 'CMD ["sh", "-l"]', "-c", "ENV A=1 B='x y'", "--change=USER web",
                  "-c", "EXPOSE 80 443/udp 90-92", "-c", "LABEL k=\"v w\"", "-c", "WORKDIR /srv", "-c", "VOLUME /d /e",
                  "-c", "STOPSIGNAL SIGINT", "-c", "ENTRYPOINT /bin/x -y", "-c", "ONBUILD RUN z",
                  "-c", "HEALTHCHECK --interval=1m30s --retries=2 CMD true", work / "tree.tar", "made:1").output.strip()
    shown = store.inspect("made:1")
    assert shown["Id"] == image and shown["Comment"] == "from a tree"
    assert shown["RootFS"]["Layers"] == [digest(layer(FILES))]
    assert shown["Config"] == {
        "Cmd": ["sh", "-l"], "Env": ["A=1", "B=x y"], "User": "web", "Labels": {"k": "v w"}, "WorkingDir": "/srv",
        "ExposedPorts": {name: {} for name in ("80/tcp", "443/udp", "90/tcp", "91/tcp", "92/tcp")},
        "Volumes": {"/d": {}, "/e": {}}, "StopSignal": "SIGINT", "Entrypoint": ["/bin/sh", "-c", "/bin/x -y"],
        "OnBuild": ["RUN z"], "Healthcheck": {"Test": ["CMD-SHELL", "true"], "Interval": 90000000000, "Retries": 2}}
    assert store("import", "-c", "CMD=/bin/sh", data=layer(FILES)).status == 0


@pytest.mark.parametrize("change, saying", [("FLY away", "no such instruction"), ("CMD", "argument"), ("EXPOSE web", "PORT"),
                                            ("ENV A", "NAME=VALUE"), ("LABEL a=\"b", "quote"), ("HEALTHCHECK now", "CMD"),
                                            ("SHELL sh", "JSON")])
def test_bad_changes_are_refused(store, change, saying):
    store.refused("import", "-c", change, "-", data=layer(FILES), saying=saying)
    assert store.ids() == set() and not store.leftovers()


def test_df_counts_what_is_there(store):
    store.load_image({"a": b"x" * 100000}, "a:1")
    rows = {row["Type"]: row for row in map(json.loads, store("system", "df", "--format", "json").output.splitlines())}
    assert rows["Images"]["TotalCount"] == "1" and rows["Images"]["Active"] == "0"
    real = sum(path.stat().st_size for path in (store.root / "images/blobs/sha256").iterdir()) + 100000
    assert rows["Images"]["RawSize"] == real == rows["Images"]["RawReclaimable"]
    assert "a" in store("system", "df", "-v").output
    store("system", "prune", "--all", "--force")
    assert store.ids() == set() and store.blobs() == set()
