"""Drives an MCP server with other people's clients: sdk_check.py SERVER CLIENT...  (see sdk-check).

A private sshd on a loopback port is the host; ssh_config of the user and known_hosts stay untouched. Prints one line per
check and ends with status 1 if one failed.
"""

import asyncio
import base64
import hashlib
import json
import os
import pathlib
import pwd
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time

sys.dont_write_bytecode = True
import schema_check  # noqa: E402

# Five tools with what their answer must hold; BASE is the folder of the run.
CALLS = [
    ("ssh_host_list", {}, "box"),
    ("ssh_host_ping", {"host": "box"}, "reachable"),
    ("ssh_host_info", {"host": "box"}, os.uname().release),
    ("ssh_sftp_list", {"host": "box", "path": "BASE/data"}, "canary.txt"),
    ("ssh_exec_run", {"host": "box", "command": "echo one two"}, "one two"),
]


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def start_sshd(base, port):
    for name in ("host_key", "user_key"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", base / name], check=True)
    shutil.copy(base / "user_key.pub", base / "authorized_keys")
    if os.geteuid() == 0:
        os.makedirs("/run/sshd", exist_ok=True)
    # A home of its own: the start-up files of whoever runs this may be slow, noisy or locked.
    (base / "home").mkdir(exist_ok=True)
    (base / "sshd_config").write_text(
        f"ListenAddress 127.0.0.1\nPort {port}\nHostKey {base}/host_key\nAuthorizedKeysFile {base}/authorized_keys\n"
        "StrictModes no\nPidFile none\nPermitRootLogin yes\nPasswordAuthentication no\nUsePAM no\n"
        f"KbdInteractiveAuthentication no\nSubsystem sftp internal-sftp\nSetEnv HOME={base}/home\n"
    )
    command = [shutil.which("sshd"), "-D", "-f", base / "sshd_config", "-E", base / "sshd.log"]
    daemon = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    end = time.monotonic() + 10
    while time.monotonic() < end:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return daemon
        except OSError:
            time.sleep(0.05)
    sys.exit("sshd does not start: " + (base / "sshd.log").read_text())


def configure(base, port):
    user = pwd.getpwuid(os.geteuid()).pw_name
    host_key = " ".join((base / "host_key.pub").read_text().split()[:2])
    (base / "known_hosts").write_text(f"[127.0.0.1]:{port} {host_key}\n")
    (base / "data").mkdir()
    (base / "data" / "canary.txt").write_text("canary\n")
    (base / "hosts.toml").write_text(
        f'[hosts.box]\nhostname = "127.0.0.1"\nport = {port}\nuser = "{user}"\n'
        f'path_allowlist = ["{base}/data"]\ncommand_allowlist = ["echo", "sleep"]\n'
        f'auth = {{ method = "key", key = "{base}/user_key" }}\n'
    )
    (base / "ssh_config").write_text("")
    # Whoever drives the server may carry settings of their own.
    ours = {name: value for name, value in os.environ.items() if not name.startswith(("SSH_", "ALLOW_"))}
    return ours | {
        "SSH_HOSTS_FILE": str(base / "hosts.toml"),
        "SSH_CONFIG_FILE": str(base / "ssh_config"),
        "SSH_KNOWN_HOSTS": str(base / "known_hosts"),
        "ALLOW_DANGEROUS_TOOLS": "true",
        "XDG_CONFIG_HOME": str(base / "config"),
        "XDG_DATA_HOME": str(base / "data"),
    }


class Checks:
    def __init__(self, client):
        self.client, self.failed = client, 0

    def expect(self, what, right, seen=""):
        self.failed += not right
        print(f"{'ok' if right else 'FAILED'}: {self.client}: {what}" + ("" if right else f": {seen}"), flush=True)


class Wire:
    """The stateless protocol by hand: what this finds out of skills owes nothing to any SDK."""

    META = {
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientCapabilities": {},
        "io.modelcontextprotocol/clientInfo": {"name": "skills-check", "version": "1"},
    }

    def __init__(self, server, env, base):
        log = (base / "server.log").open("a")
        self.process = subprocess.Popen(
            [server], env=env, cwd=base, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True
        )
        self.asked = 0

    def ask(self, method, **params):
        self.asked += 1
        request = {"jsonrpc": "2.0", "id": self.asked, "method": method, "params": params | {"_meta": self.META}}
        self.process.stdin.write(json.dumps(request) + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def pages(self, method, what, **params):
        items, cursor = [], {}
        while True:
            result = self.ask(method, **params, **cursor)["result"]
            items += result[what]
            if not result.get("nextCursor"):
                return items, result
            cursor = {"cursor": result["nextCursor"]}

    def read(self, uri):
        """The bytes and the type of a resource."""
        content = self.ask("resources/read", uri=uri)["result"]["contents"][0]
        raw = content["text"].encode() if "text" in content else base64.b64decode(content["blob"])
        return raw, content.get("mimeType")

    def close(self):
        self.process.stdin.close()
        self.process.wait(timeout=60)


def tree(wire, uri):
    """Every file below a directory resource."""
    files, (children, _) = set(), wire.pages("resources/directory/read", "resources", uri=uri)
    for child in children:
        if child.get("mimeType") == "inode/directory":
            assert not child["uri"].endswith("/"), child
            files |= tree(wire, child["uri"])
        else:
            files.add(child["uri"])
    return files


def faults_of_skill(wire, skill, listed, templates):
    """What breaks a rule of the skills extension (protocol 2026-07-28), recomputed from the bytes that are read."""
    import yaml

    uri = skill["uri"]
    name = re.fullmatch(r"skill://(?:[^/]+/)*([^/]+)/SKILL\.md", uri).group(1)
    folder = uri.removesuffix("/SKILL.md")
    text, kind = wire.read(uri)
    head = yaml.safe_load(text.split(b"---\n")[1])
    seen = {resource["uri"]: resource for resource in skill["resources"]}
    total = 0
    if not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", name) or len(name) > 64 or head["name"] != name:
        yield "the name"
    if not 1 <= len(head["description"]) <= 1024:
        yield "the description"
    if head != skill["frontmatter"]:
        yield f"the front matter: {head} is not {skill['frontmatter']}"
    if kind != "text/markdown":
        yield f"the type {kind}"
    if len(seen) != len(skill["resources"]) or uri not in seen or len(seen) > 512:
        yield "the list of files"
    for file, said in seen.items():
        raw, _ = wire.read(file)
        total += len(raw)
        if said["digest"] != "sha256:" + hashlib.sha256(raw).hexdigest() or said["size"] != len(raw):
            yield f"digest or size of {file}"
    if total > 16 * 1024 * 1024:
        yield "the size"
    if tree(wire, folder) != set(seen):
        yield "the directory"
    if wire.ask("skills/get", uri=uri)["result"]["skill"] != skill:
        yield "skills/get"
    plain = listed.get(uri, {})
    if (plain.get("name"), plain.get("description"), plain.get("mimeType")) != (name, head["description"], "text/markdown"):
        yield f"resources/list says {plain}"
    manifest = json.loads(wire.read(f"{folder}/_manifest")[0])
    if {(f"{folder}/{f['path']}", f["hash"], f["size"]) for f in manifest["files"]} != {
        (r["uri"], r["digest"], r["size"]) for r in skill["resources"]
    }:
        yield "the manifest"
    if f"{folder}/{{path*}}" not in templates:
        yield "the template"
    for wrong in (uri, f"{folder}/absent", "skill://no-such-skill"):
        if wire.ask("resources/directory/read", uri=wrong).get("error", {}).get("code") != -32602:
            yield f"{wrong} as a directory"


def with_skills(server, env, base):
    """Every guide and runbook against the rules; gives the digests by URI for the other clients."""
    checks, wire = Checks("skills"), Wire(server, env, base)
    found = wire.ask("server/discover")["result"]["capabilities"]
    declared = found.get("extensions", {}).get("io.modelcontextprotocol/skills")
    checks.expect("declares the extension", declared == {"directoryRead": True} and "resources" in found, found)
    skills, page = wire.pages("skills/list", "skills")
    whole = page["resultType"] == "complete" and page["ttlMs"] >= 0 and page["cacheScope"] in ("public", "private")
    checks.expect("lists skills as a complete, cacheable result", whole, page.keys())
    listed = {resource["uri"]: resource for resource in wire.pages("resources/list", "resources")[0]}
    templates = {t["uriTemplate"] for t in wire.pages("resources/templates/list", "resourceTemplates")[0]}
    faults = [f"{skill['uri']}: {fault}" for skill in skills for fault in faults_of_skill(wire, skill, listed, templates)]
    checks.expect(f"all {len(skills)} skills keep the rules", skills and not faults, faults[:10])
    names = {skill["uri"] for skill in skills}
    checks.expect(
        f"resources/list has 1 and at most 100 skills ({len(listed)})",
        len(names) == len(skills) and len(listed) == 1 + min(len(skills), 100) and len(templates) >= len(skills),
        (len(names), len(skills), len(listed), len(templates)),
    )
    for method, uri in (("skills/get", "skill://no-such-skill/SKILL.md"), ("resources/read", "skill://no-such-skill/x")):
        error = wire.ask(method, uri=uri).get("error", {})
        checks.expect(f"{method} of what is not there is -32602", error.get("code") == -32602, error)
    wire.close()
    return checks.failed, {r["uri"]: r["digest"] for skill in skills for r in skill["resources"]}


def with_converters(server, env, base):
    """What other people's programs make of the schemas. Every tier is open to this server, and every command."""
    checks = Checks("schemas")
    (base / "open.toml").write_text((base / "hosts.toml").read_text().replace('["echo", "sleep"]', '["*"]'))
    (base / "open.toml").chmod(0o600)
    names = {"SSH_HOSTS_FILE": str(base / "open.toml"), "ALLOW_LOW_ACCESS_TOOLS": "true", "ALLOW_SUDO": "true"}
    wire = Wire(server, env | names, base)
    schema_check.with_schemas(wire, checks, base)
    wire.close()
    return checks.failed


async def with_sdk(server, env, base, mode, digests):
    from mcp import Client, StdioServerParameters
    from mcp.client.stdio import stdio_client
    from mcp.types import PromptReference

    checks = Checks(f"Python SDK, {mode}")
    errors = (base / "server.log").open("a")
    transport = stdio_client(StdioServerParameters(command=server, env=env, cwd=base), errlog=errors)
    async with Client(transport, mode=mode, read_timeout_seconds=60) as client:
        names = {tool.name for tool in (await client.list_tools()).tools}
        checks.expect("lists the tools", {call[0] for call in CALLS} <= names, sorted(names))
        for name, arguments, part in CALLS:
            arguments = json.loads(json.dumps(arguments).replace("BASE", str(base)))
            answer = await client.call_tool(name, arguments)
            text = answer.model_dump_json()
            checks.expect(f"calls {name}", not answer.is_error and part in text, text[:600])
        refused = await client.call_tool("ssh_exec_run", {"host": "box", "command": "id"})
        checks.expect("is refused what is not allowed", refused.is_error, refused.model_dump_json()[:600])
        if mode == "auto":
            await schema_check.with_heartbeat(client, checks, int(os.environ.get("SILENT_SECONDS", "12")))
        resources = (await client.list_resources()).resources
        checks.expect("lists resources", len(resources) > 0)
        if resources:
            read = await client.read_resource(str(resources[0].uri))
            checks.expect(f"reads {resources[0].uri}", len(read.contents) > 0 and len(read.contents[0].text) > 0)
        same = 0
        for uri, digest in digests.items():
            text = (await client.read_resource(uri)).contents[0].text
            same += "sha256:" + hashlib.sha256(text.encode()).hexdigest() == digest
        checks.expect(f"reads all {len(digests)} files of skills", same == len(digests) > 0, f"{same} have their digest")
        prompts = {prompt.name: prompt for prompt in (await client.list_prompts()).prompts}
        checks.expect("lists the runbooks as prompts", len(prompts) == 12, sorted(prompts))
        prompt = await client.get_prompt("ssh-host-healthcheck", {"host": "box"})
        text = prompt.messages[0].content.text
        checks.expect("gets a prompt", "- host: box" in text and "ssh_host_alerts" in text, text[:600])
        reference = PromptReference(type="ref/prompt", name="ssh-deploy-verify")
        hosts = (await client.complete(reference, {"name": "host", "value": "b"})).completion.values
        checks.expect("has a host completed", hosts == ["box"], hosts)
        paths = (await client.complete(reference, {"name": "path", "value": "/"}, {"host": "box"})).completion.values
        checks.expect("has a path completed", f"{base}/data" in paths, paths)
    return checks.failed


def with_inspector(server, env, base):
    checks = Checks("Inspector")

    def ask(*words):
        # The Inspector gives its server a short list of variables, so the others are named.
        named = [word for name in env if name.startswith(("SSH_", "ALLOW_", "XDG_")) for word in ("-e", f"{name}={env[name]}")]
        done = subprocess.run(
            [os.environ["INSPECTOR"], "--cli", *named, server, *words], env=env, cwd=base, capture_output=True, text=True, timeout=120
        )
        try:
            return json.loads(done.stdout), done.stdout
        except ValueError:
            return {}, done.stdout + done.stderr

    listed, text = ask("--method", "tools/list")
    names = {tool["name"] for tool in listed.get("tools", [])}
    checks.expect("lists the tools", {call[0] for call in CALLS} <= names, text[-600:])
    for name, arguments, part in CALLS:
        pairs = [f"{key}={value.replace('BASE', str(base))}" for key, value in arguments.items()]
        words = ["--tool-arg", *pairs] if pairs else []
        answer, text = ask("--method", "tools/call", "--tool-name", name, *words)
        checks.expect(f"calls {name}", bool(answer) and not answer.get("isError") and part in text, text[-600:])
    listed, text = ask("--method", "resources/list")
    resources = listed.get("resources", [])
    checks.expect("lists resources", len(resources) > 0, text[-600:])
    if resources:
        read, text = ask("--method", "resources/read", "--uri", resources[0]["uri"])
        checks.expect(f"reads {resources[0]['uri']}", bool(read.get("contents")), text[-600:])
    return checks.failed


def main():
    server, clients = os.path.abspath(sys.argv[1]), sys.argv[2:]
    # A short path: control sockets may end up below it.
    base = pathlib.Path(tempfile.mkdtemp(prefix="mcp-")).resolve()
    daemon = None
    failed = 0
    try:
        port = free_port()
        daemon = start_sshd(base, port)
        env = configure(base, port)
        digests = {}
        if "sdk" in clients:  # only then there is a YAML parser beside it
            failed, digests = with_skills(server, env, base)
        if "converters" in clients:
            failed += with_converters(server, env, base)
        for client in clients:
            if client == "converters":
                continue
            if client == "sdk":
                for mode in ("legacy", "2026-07-28", "auto"):
                    try:
                        failed += asyncio.run(asyncio.wait_for(with_sdk(server, env, base, mode, digests), 300))
                    except Exception as why:  # the SDK's own errors come in groups of many types
                        failed += 1
                        print(f"FAILED: Python SDK, {mode}: {why!r}")
            else:
                failed += with_inspector(server, env, base)
        if failed and (base / "server.log").exists():
            print("the server's last words:\n" + (base / "server.log").read_text()[-3000:])
    finally:
        if daemon:
            daemon.terminate()
            daemon.wait()
        shutil.rmtree(base)
    sys.exit(1 if failed else 0)


main()
