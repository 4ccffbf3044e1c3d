"""Who may, where things lie, and which way leads there: credentials, certificates, registries.conf, proxies."""

import base64
import http.server
import json
import stat
import threading
import urllib.error
import urllib.request

import pytest
from registry_client import DebianRegistry, authority, registry, rung, tool  # noqa: F401 (fixtures)
from registry_server import Registry, body, layer, status

MOTD = {"etc/motd": b"hello\n"}
CREDENTIALS = base64.b64encode(b"joe:se:cret").decode()


@pytest.fixture
def private():
    with Registry(auth="basic") as registry:
        registry.add_image("team/app", "1", [layer(MOTD)])
        yield registry


@pytest.fixture
def tokens():
    with Registry(auth="token") as registry:
        registry.add_image("team/app", "1", [layer(MOTD), layer({"b": b"b"})])
        yield registry


def write_auth(path, *names, **entry):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"auths": {name: entry or {"auth": CREDENTIALS} for name in names}}))


# ---- tokens ------------------------------------------------------------------------------------------------


def test_a_token_for_each_scope_and_no_more(rung, tokens):
    rung.pull("--creds=joe:se:cret", f"{tokens.host}/team/app:1")
    asked = [path for method, path, _ in tokens.requests if path.startswith("/token")]
    assert len(asked) == 1
    assert "scope=repository%3Ateam%2Fapp%3Apull" in asked[0] and "service=test%2C%20registry" in asked[0]
    assert len([path for _, path, headers in tokens.requests if "Authorization" not in headers]) == 1


def test_anonymous_tokens(rung, tokens):
    tokens.anonymous = True
    rung.pull(f"{tokens.host}/team/app:1")


def test_a_token_that_is_taken_back(rung, tokens):
    def forget(handler):
        tokens.tokens.clear()
        return False
    tokens.fault("/blobs/", forget)
    rung.pull("--creds=joe:se:cret", f"{tokens.host}/team/app:1")


def test_a_refresh_token(rung, tokens):
    write_auth(rung.work / "run/containers/auth.json", tokens.host, identitytoken="refresh-me")
    rung.pull(f"{tokens.host}/team/app:1")
    assert tokens.asked("POST", "/token")


def test_wrong_credentials(rung, tokens, private):
    for registry in tokens, private:
        done = rung("pull", "--creds=joe:wrong", f"{registry.host}/team/app:1")
        assert done.status == 125 and "unauthorized" in done.errors
        done = rung("pull", f"{registry.host}/team/app:1")
        assert done.status == 125 and "authentication required" in done.errors
        assert "rung login" in done.errors


@pytest.mark.parametrize("answer", [b"", b"{}", b"[1]", b'{"token":3}', b'{"token":"a\\nb"}', b"x" * 2_000_000],
                         ids=["empty", "without", "list", "number", "lines", "endless"])
def test_tokens_that_are_none(rung, tokens, answer):
    tokens.fault("/token", body(answer), times=99)
    done = rung("pull", "--creds=joe:se:cret", f"{tokens.host}/team/app:1")
    assert done.status == 125 and "rung: pull" in done.errors


@pytest.mark.parametrize("challenge", ["Bearer", "Bearer realm=\"ftp://x\"", "Negotiate", "Bearer realm=\"http://[\"", "=", ""])
def test_challenges_that_lead_nowhere(rung, registry, challenge):
    registry.fault("/manifests/", status(401, WWW_Authenticate=challenge), times=99)
    assert rung("pull", "--retry=1", "--creds=a:b", f"{registry.host}/app:1").status == 125


# ---- where credentials are --------------------------------------------------------------------------------


@pytest.mark.parametrize("place", ["run/containers/auth.json", "home/.config/containers/auth.json",
                                   "home/.docker/config.json"])
def test_the_files_that_others_use(rung, private, place):
    write_auth(rung.work / place, private.host)
    rung.pull(f"{private.host}/team/app:1")


def test_authfile_and_environment(rung, private, tmp_path):
    write_auth(tmp_path / "mine.json", private.host)
    rung.pull(f"--authfile={tmp_path}/mine.json", f"{private.host}/team/app:1")
    rung.pull(f"{private.host}/team/app:1", env={"REGISTRY_AUTH_FILE": str(tmp_path / "mine.json")})
    done = rung("pull", f"--authfile={tmp_path}/nothing.json", f"{private.host}/team/app:1")
    assert done.status == 125 and "nothing.json" in done.errors


def test_the_longest_name_counts(rung, private):
    path = rung.work / "run/containers/auth.json"
    path.parent.mkdir()
    wrong = base64.b64encode(b"joe:wrong").decode()
    path.write_text(json.dumps({"auths": {private.host: {"auth": wrong}, f"{private.host}/team": {"auth": CREDENTIALS},
                                          f"{private.host}/te": {"auth": wrong}}}))
    rung.pull(f"{private.host}/team/app:1")


@pytest.mark.parametrize("text", ["{", '{"auths":[]}', '{"auths":{"%s":{"auth":"!"}}}', '{"auths":{"%s":{"auth":3}}}',
                                  '{"credHelpers":{"%s":"../../bin/true"}}', '{"credsStore":"does-not-exist"}'])
def test_files_that_are_none(rung, private, text):
    path = rung.work / "run/containers/auth.json"
    path.parent.mkdir()
    path.write_text(text.replace("%s", private.host))
    done = rung("pull", f"{private.host}/team/app:1")
    assert done.status == 125 and ("auth.json" in done.errors or "credential helper" in done.errors)


def test_credential_helpers(rung, private):
    safe = rung.work / "bin"
    safe.mkdir()
    (safe / "docker-credential-test").write_text(f"""#!/bin/sh
read input
echo "$1 $input $*" >>{rung.work}/helper.log
case "$1" in
get) [ "$input" = {private.host} ] && echo '{{"ServerURL":"x","Username":"joe","Secret":"se:cret"}}' ||
    {{ echo "credentials not found in native keychain"; exit 1; }};;
esac
""")
    (safe / "docker-credential-test").chmod(0o755)
    rung.environment["PATH"] = f"{safe}:/usr/bin:/bin"
    path = rung.work / "run/containers/auth.json"
    path.parent.mkdir()
    path.write_text(json.dumps({"credHelpers": {private.host: "test"}}))
    rung.pull(f"{private.host}/team/app:1")
    rung("login", "-u", "joe", "--password-stdin", private.host, stdin="se:cret", check=True)
    assert "auths" not in path.read_text()
    rung("logout", private.host, check=True)
    log = (rung.work / "helper.log").read_text()
    assert "se:cret" in log.split("\n")[1] and log.split("\n")[1].startswith("store ")
    assert "erase " + private.host in log


SAFE = r"""#!/bin/sh
cd {safe} || exit 1
case "$1" in
store) python3 -c 'import json, sys
entry = json.load(sys.stdin)
open(entry["ServerURL"].replace("/", "_"), "w").write(json.dumps(entry))';;
get) read -r name; cat "$name" 2>/dev/null || {{ echo "credentials not found in native keychain"; exit 1; }};;
erase) read -r name; rm "$name";;
list) printf '{{'; first=; for name in *; do [ -e "$name" ] && printf '%s"%s": "joe"' "$first" "$name" && first=,; done; printf '}}';;
esac
"""


@pytest.fixture
def safe(rung):
    """docker-credential-safe, which keeps each entry in a file."""
    (rung.work / "safe").mkdir()
    (rung.work / "bin").mkdir()
    program = rung.work / "bin/docker-credential-safe"
    program.write_text(SAFE.format(safe=rung.work / "safe"))
    program.chmod(0o755)
    rung.environment["PATH"] = f"{rung.work}/bin:/usr/bin:/bin"
    return rung.work / "safe"


def test_helpers_of_registries_conf(rung, private, safe):
    """credential-helpers: the safe is asked before the files, and logging in fills it."""
    path = rung.work / "run/containers/auth.json"
    rung.configure('credential-helpers = ["safe", "containers-auth.json"]\n')
    login = ("login", "-v", "-u", "joe", "--password-stdin", private.host)
    assert "Used:  safe\n" in rung(*login, stdin="se:cret", check=True).output
    assert not path.exists() and (safe / private.host).exists()
    assert rung("login", "--get-login", private.host, check=True).output == "joe\n"
    rung.pull(f"{private.host}/team/app:1")
    rung("logout", private.host, check=True)
    assert rung("pull", f"{private.host}/team/app:1").status == 125
    write_auth(path, private.host)  # the files come second
    rung.pull(f"{private.host}/team/app:1")
    rung(*login, stdin="se:cret", check=True)
    rung("logout", "--all", check=True)
    assert not list(safe.iterdir()) and json.loads(path.read_text()) == {"auths": {}}
    given = rung.work / "given.json"
    rung(*login, f"--authfile={given}", stdin="se:cret", check=True)
    assert private.host in given.read_text() and not list(safe.iterdir())


def test_logout_all_asks_the_helpers_of_the_file(rung, private, safe):
    path = rung.work / "run/containers/auth.json"
    path.parent.mkdir()
    for key, value in (("credHelpers", {private.host: "safe"}), ("credsStore", "safe")):
        path.write_text(json.dumps({key: value, "currentContext": None}))
        rung("login", "-u", "joe", "--password-stdin", private.host, stdin="se:cret", check=True)
        assert (safe / private.host).exists()
        rung("logout", "--all", check=True)
        assert not list(safe.iterdir())
        assert json.loads(path.read_text()) == {"auths": {}, key: value, "currentContext": None}


# ---- login, logout -----------------------------------------------------------------------------------------


def test_login_and_logout(rung, private):
    path = rung.work / "run/containers/auth.json"
    done = rung("login", "--username=joe", "--password-stdin", private.host, stdin="se:cret\n", check=True)
    assert done.output == "Login Succeeded!\n"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600 and stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert json.loads(path.read_text()) == {"auths": {private.host: {"auth": CREDENTIALS}}}
    assert rung("login", "--get-login", private.host, check=True).output == "joe\n"
    assert "Already logged in" in rung("login", private.host, check=True).output
    rung.pull(f"{private.host}/team/app:1")
    assert private.host in rung("logout", private.host, check=True).output
    done = rung("logout", private.host)
    assert done.status == 125 and "not logged into" in done.errors
    assert rung("login", "--get-login", private.host).status == 125
    assert json.loads(path.read_text()) == {"auths": {}}


def test_what_others_wrote_stays(rung, private):
    path = rung.work / "run/containers/auth.json"
    path.parent.mkdir()
    before = {"auths": {"quay.io": {"auth": CREDENTIALS, "email": "a@b"}}, "HttpHeaders": {"X": ["y"]}, "detachKeys": "ctrl-e",
              "number": 12345678901234, "flag": False}
    path.write_text(json.dumps(before))
    rung("login", "-u", "joe", "--password-stdin", private.host, stdin="se:cret", check=True)
    after = json.loads(path.read_text())
    assert after.pop("auths") == {**before.pop("auths"), private.host: {"auth": CREDENTIALS}}
    assert after == before
    rung("logout", "--all", check=True)
    assert json.loads(path.read_text())["auths"] == {}


def test_a_linked_file_stays_linked(rung, private):
    (rung.work / "real.json").write_text("{}")
    link = rung.work / "link.json"
    link.symlink_to("real.json")
    rung("login", "-u", "joe", "--password-stdin", f"--authfile={link}", private.host, stdin="se:cret", check=True)
    assert link.is_symlink() and private.host in (rung.work / "real.json").read_text()


def test_a_wrong_password_is_not_kept(rung, private):
    done = rung("login", "-u", "joe", "--password-stdin", private.host, stdin="wrong")
    assert done.status == 125 and "invalid username/password" in done.errors
    assert not (rung.work / "run/containers/auth.json").exists()


def test_login_asks_nobody_without_a_terminal(rung, private):
    done = rung("login", private.host)
    assert done.status == 125 and "no terminal" in done.errors and "--password-stdin" in done.errors
    assert "needs --username" in rung("login", "--password-stdin", private.host, stdin="x").errors


def test_login_on_a_terminal(rung, private):
    pexpect = pytest.importorskip("pexpect")
    words = rung.words("login", private.host)
    for answer, status in (("se:cret", 0), ("wrong", 125)):
        child = pexpect.spawn(words[0], words[1:], env=rung.environment, timeout=20, encoding="utf-8")
        child.expect("Username: ")
        child.sendline("joe")
        child.expect("Password: ")
        child.waitnoecho()
        child.sendline(answer)
        child.expect(pexpect.EOF)
        child.close()
        assert "se:cret" not in child.before and child.exitstatus == status
        rung("logout", private.host)
    child = pexpect.spawn("sh", ["-c", 'trap : INT; "$@"; stty -a', "sh", *words], env=rung.environment, timeout=20, encoding="utf-8")
    child.expect("Username: ")
    child.sendline("joe")
    child.expect("Password: ")
    child.waitnoecho()
    child.sendintr()
    child.expect(r"[ ;]echo ")  # and not -echo
    child.close()


def test_podman_reads_it(rung, private):
    rung("login", "-u", "joe", "--password-stdin", private.host, stdin="se:cret", check=True)
    path = rung.work / "run/containers/auth.json"
    assert tool("podman", "login", "--get-login", f"--authfile={path}", private.host).strip() == "joe"
    assert tool("skopeo", "inspect", f"--authfile={path}", "--tls-verify=false", f"docker://{private.host}/team/app:1")


# ---- TLS ---------------------------------------------------------------------------------------------------


def test_certificates(rung, authority, tmp_path):
    with Registry(certificate=(authority / "server.crt", authority / "server.key")) as registry:
        registry.add_image("app", "1", [layer(MOTD)])
        name = f"{registry.host}/app:1"
        done = rung("pull", "--tls-verify", name)
        assert done.status == 125 and "certificate" in done.errors
        rung.pull("--tls-verify=false", name)
        directory = rung.work / f"home/.config/containers/certs.d/{registry.host}"
        directory.mkdir(parents=True)
        (directory / "ca.crt").write_bytes((authority / "ca.crt").read_bytes())
        rung.pull("--tls-verify", name)
        (tmp_path / "certs").mkdir()
        assert rung("pull", "--tls-verify", f"--cert-dir={tmp_path}/certs", name).status == 125
        (tmp_path / "certs/ca.crt").write_bytes((authority / "ca.crt").read_bytes())
        rung.pull("--tls-verify", f"--cert-dir={tmp_path}/certs", name)


def test_http2(rung, registry, authority, tmp_path):
    """Debian's registry speaks HTTP/2 with whoever asks for it: all layers go over one connection."""
    registry.add_image("app", "1", [layer({f"f{n}": b"x"}, size=400_000) for n in range(8)])
    rung.pull(f"{registry.host}/app:1")
    other = DebianRegistry(tmp_path, http=f"  tls:\n    certificate: {authority}/server.crt\n    key: {authority}/server.key\n")
    try:
        certs = tmp_path / "certs"
        certs.mkdir()
        (certs / "ca.crt").write_bytes((authority / "ca.crt").read_bytes())
        rung("push", "-q", "--tls-verify", f"--cert-dir={certs}", f"{registry.host}/app:1", f"{other.host}/app:1", check=True)
        rung("rmi", "-a", "-f", check=True)
        assert rung.pull("--tls-verify", f"--cert-dir={certs}", f"{other.host}/app:1")
        assert rung.blobs() >= set(registry.layers("app", "1"))
    finally:
        other.close()


def test_plain_http_is_not_tls(rung, registry):
    registry.add_image("app", "1", [layer(MOTD)])
    assert rung("pull", "--tls-verify", "--retry=1", f"{registry.host}/app:1").status == 125
    assert not registry.requests


def test_client_certificates(rung, authority, tmp_path):
    with Registry(certificate=(authority / "server.crt", authority / "server.key"),
                  client_authority=authority / "ca.crt") as registry:
        registry.add_image("app", "1", [layer(MOTD)])
        name, certs = f"{registry.host}/app:1", tmp_path / "certs"
        certs.mkdir()
        (certs / "ca.crt").write_bytes((authority / "ca.crt").read_bytes())
        assert rung("pull", "--retry=1", "--tls-verify", f"--cert-dir={certs}", name).status == 125
        (certs / "me.cert").write_bytes((authority / "client.crt").read_bytes())
        done = rung("pull", "--tls-verify", f"--cert-dir={certs}", name)
        assert done.status == 125 and "me.key" in done.errors
        (certs / "me.key").write_bytes((authority / "client.key").read_bytes())
        (certs / "me.key").chmod(0o600)
        rung.pull("--tls-verify", f"--cert-dir={certs}", name)


# ---- registries.conf -----------------------------------------------------------------------------------------


def test_short_names(rung, registry):
    registry.add_image("team/app", "1", [layer(MOTD)])
    rung.configure(f'unqualified-search-registries = ["127.0.0.1:1", "{registry.host}"]\n')
    rung.pull("--retry=1", "team/app:1")
    assert list(rung.names()) == [f"{registry.host}/team/app:1"]
    done = rung("pull", "--retry=1", "nothing")
    assert done.status == 125 and "127.0.0.1:1/nothing:latest" in done.errors and f"{registry.host}/nothing" in done.errors
    rung.configure(f'[aliases]\n"short" = "{registry.host}/team/app"\n')
    rung.pull("short:1")
    assert rung("pull", "--policy=never", "short:1").status == 0


def test_mirrors_and_rewriting(rung, registry):
    registry.add_image("mirrored/team/app", "1", [layer(MOTD)])
    rung.configure(f"""
[[registry]]
prefix = "example.test/a"
location = "unreachable.test/b"
[[registry.mirror]]
location = "127.0.0.1:1/nothing"
insecure = true
[[registry.mirror]]
location = "{registry.host}/mirrored" # the good one
""")
    rung.pull("--retry=1", "example.test/a/team/app:1")
    assert list(rung.names()) == ["example.test/a/team/app:1"]
    rung.configure(f'[[registry]]\nprefix = "example.test"\nlocation = "{registry.host}/mirrored"\n')
    rung.pull("example.test/team/app:1")
    rung.configure('[[registry]]\nprefix = "*.test"\nblocked = true\nlocation = "x"\n')
    done = rung("pull", "example.test/team/app:1")
    assert done.status == 125 and "blocked" in done.errors
    rung.configure(f"""
[[registry]]
location = "{registry.host}"
[[registry.mirror]]
location = "{registry.host}/mirrored"
pull-from-mirror = "digest-only"
""")
    assert rung("pull", f"{registry.host}/team/app:1").status == 125


@pytest.mark.parametrize("text, words", [
    ("[[registry]\n", ":1"), ("a = {b = 1}\n", ":1"), ("[[registry]]\nlocation = 3\n", ":2"), ('a = "b\n', ":1"),
    ("[[registry]]\nlocation = 'https://x'\n", "https://x"), ("[[registry.mirror]]\nlocation = 'a'\n", ":1"),
    ("[[registry]]\ninsecure = true\n", "neither location nor prefix"), ("[aliases]\nx = 'y'\n", "names no registry"),
    ("unqualified-search-registries = 'a'\n", "list"), ("[[registry]]\nlocation='a'\ninsecure='false'\n", "true or false")])
def test_configuration_that_is_none(rung, text, words):
    rung.configure(text)
    done = rung("pull", "app")
    assert done.status == 125 and "registries.conf" in done.errors and words in done.errors


# ---- proxies -------------------------------------------------------------------------------------------------


class Proxy(http.server.BaseHTTPRequestHandler):
    """Passes requests for http://registry.test on to the registry."""
    seen = []

    def log_message(self, *_):
        pass

    def do_GET(self):
        self.seen.append(self.path)
        address = self.path.replace("http://registry.test", self.server.target)
        request = urllib.request.Request(address, headers={"Accept": self.headers.get("Accept", "")})
        try:
            with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request) as answer:
                data = answer.read()
                self.send_response(answer.status)
                self.send_header("Content-Type", answer.headers.get("Content-Type"))
        except urllib.error.HTTPError as error:
            data = error.read()
            self.send_response(error.code)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def do_CONNECT(self):
        self.send_error(403)


@pytest.mark.parametrize("variable", ["http_proxy", "HTTP_PROXY"])
def test_a_proxy(rung, registry, variable):
    registry.add_image("app", "1", [layer(MOTD)])
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Proxy)
    server.daemon_threads = True
    server.target = registry.url
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    Proxy.seen.clear()
    try:
        proxy = f"http://127.0.0.1:{server.server_address[1]}"
        rung.configure('[[registry]]\nlocation = "registry.test"\ninsecure = true\n')
        rung.pull("registry.test/app:1", env={variable: proxy})
        assert Proxy.seen
        Proxy.seen.clear()
        rung.pull(f"{registry.host}/app:1", env={variable: proxy})
        assert not Proxy.seen  # this machine is not reached through a proxy
        assert rung("pull", "--retry=1", "registry.test/app:1", env={variable: proxy, "no_proxy": ".test"}).status == 125
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


# ---- search ----------------------------------------------------------------------------------------------------


def test_search(rung, registry):
    registry.add_image("team/app", "1", [layer(MOTD)])
    registry.add_image("other", "1", [layer(MOTD)])
    done = rung("search", "--format={{.Name}}", f"{registry.host}/app", check=True)
    assert done.output == f"{registry.host}/team/app\n"
    registry.fault("/v1/search", body(json.dumps({"results": [
        {"name": "debian", "description": "an\x1b[31m OS " + "x" * 90, "star_count": 7, "is_official": True},
        {"name": "joe/debian", "description": "", "star_count": 1}]}).encode()), times=9)
    done = rung("search", f"{registry.host}/debian", check=True)
    assert done.output.startswith("NAME") and "\x1b" not in done.output and "..." in done.output
    done = rung("search", "--filter=is-official=true", "--format={{.Name}} {{.Stars}}", f"{registry.host}/debian", check=True)
    assert done.output == f"{registry.host}/debian 7\n"
    done = rung("search", "--list-tags", "--format={{.Tag}}", f"{registry.host}/other", check=True)
    assert done.output == "1\n"
    assert rung("search", "--filter=x=y", "z").status == 125
