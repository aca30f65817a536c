"""Drives an MCP server with other people's clients: sdk_check.py SERVER CLIENT...  (see sdk-check).

A private sshd on a loopback port is the host; ssh_config of the user and known_hosts stay untouched. Prints one line per
check and ends with status 1 if one failed.
"""

import asyncio
import json
import os
import pathlib
import pwd
import shutil
import socket
import subprocess
import sys
import tempfile
import time

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
        f'path_allowlist = ["{base}/data"]\ncommand_allowlist = ["echo"]\n'
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
    }


class Checks:
    def __init__(self, client):
        self.client, self.failed = client, 0

    def expect(self, what, right, seen=""):
        self.failed += not right
        print(f"{'ok' if right else 'FAILED'}: {self.client}: {what}" + ("" if right else f": {seen}"), flush=True)


async def with_sdk(server, env, base, mode):
    from mcp import Client, StdioServerParameters
    from mcp.client.stdio import stdio_client

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
        resources = (await client.list_resources()).resources
        checks.expect("lists resources", len(resources) > 0)
        if resources:
            read = await client.read_resource(str(resources[0].uri))
            checks.expect(f"reads {resources[0].uri}", len(read.contents) > 0 and len(read.contents[0].text) > 0)
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
        for client in clients:
            if client == "sdk":
                for mode in ("legacy", "2026-07-28", "auto"):
                    try:
                        failed += asyncio.run(asyncio.wait_for(with_sdk(server, env, base, mode), 300))
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
