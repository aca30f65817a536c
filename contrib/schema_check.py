"""What other people's programs make of this server's schemas and signs of life; run by sdk_check.py."""

import asyncio
import json
import logging
import time

# Answers of live calls that are held against the schemas of tools/list.
ANSWERS = 500


def tools_of(wire):
    """The tools with their schemas, every tier open."""
    return wire.pages("tools/list", "tools")[0]


def faults_of_conversion(tool):
    """What keeps a tool from becoming a function of Gemini, OpenAI or Anthropic."""
    from google.genai import types
    from jsonschema import Draft202012Validator
    from langchain_core.utils.function_calling import convert_to_openai_function
    from langchain_google_genai._function_utils import convert_to_genai_function_declarations

    name, schema = tool["name"], tool["inputSchema"]
    plain = {"name": name, "description": tool["description"], "parameters": schema}

    def gemini_by_langchain():
        return convert_to_genai_function_declarations([plain])

    def gemini_by_genai():
        # Gemini's own form of a schema has no word for closed objects.
        open_schema = json.loads(json.dumps(schema), object_hook=lambda o: {k: v for k, v in o.items() if k != "additionalProperties"})
        return types.Schema.from_json_schema(json_schema=types.JSONSchema.model_validate(open_schema))

    def openai():
        done = convert_to_openai_function({"title": name, "description": tool["description"], **schema})
        assert done["name"] == name and done["parameters"]["properties"].keys() == schema["properties"].keys(), done

    def anthropic():
        # The API takes JSON Schema 2020-12 with an object at the root, and names of at most 64 letters.
        Draft202012Validator.check_schema(schema)
        assert schema["type"] == "object" and len(name) <= 64 and not {"anyOf", "oneOf", "allOf"} & schema.keys(), schema

    for convert in (gemini_by_langchain, gemini_by_genai, openai, anthropic):
        try:
            convert()
        except Exception as why:  # each library has errors of its own
            yield f"{name}: {convert.__name__}: {why!r:.300}"


def calls(base, round):
    """Calls of tools of every kind that a plain sshd can answer; BASE/data is open."""
    data, n = f"{base}/data", round
    file = f"{data}/schema-{n}.txt"
    host = {"host": "box"}
    text = "".join(f"line {i} of {n}\n" for i in range(20 * n + 1))
    yield from ((name, {}) for name in ("ssh_host_list", "ssh_server_info", "ssh_session_list", "ssh_shell_list", "ssh_guide"))
    for name in ("ssh_host_ping", "ssh_host_info", "ssh_host_disk_usage", "ssh_host_network", "ssh_host_alerts", "ssh_host_notes"):
        yield name, host
    yield "ssh_guide", {"question": "the disk is full"}
    yield "ssh_guide", {"name": "ssh_find"}
    yield "ssh_user_info", host
    yield "ssh_known_hosts_verify", host
    yield "ssh_host_processes", host | {"top": n + 1}
    yield "ssh_upload", host | {"path": file, "content_text": text}
    yield "ssh_deploy", host | {"path": file, "content_text": text + "last\n"}
    yield "ssh_edit", host | {"path": file, "old_string": "last\n", "new_string": "end\n"}
    yield "ssh_patch", host | {"path": file, "unified_diff": f"--- a\n+++ b\n@@ -1 +1 @@\n-line 0 of {n}\n+line zero\n"}
    yield "ssh_cp", host | {"src": file, "dst": file + ".copy"}
    yield "ssh_mv", host | {"src": file + ".copy", "dst": file + ".moved"}
    yield "ssh_link", host | {"src": file, "dst": file + ".link"}
    yield "ssh_mkdir", host | {"path": f"{data}/folder-{n}"}
    yield "ssh_sftp_stat", host | {"path": file}
    yield "ssh_sftp_list", host | {"path": data, "limit": n + 1}
    yield "ssh_file_hash", host | {"path": file}
    yield "ssh_sftp_download", host | {"path": file}
    yield "ssh_sftp_download", host | {"path": file, "as_text": False, "max_bytes": 10}
    yield "ssh_sftp_download", host | {"path": file, "grep": "of", "context": 1, "lines": n + 1}
    yield "ssh_read_redacted", host | {"path": file}
    yield "ssh_find", host | {"path": data, "contains": "zero"}
    yield "ssh_find", host | {"path": data, "sort": "size", "count_only": n % 2 == 0}
    yield "ssh_exec_run", host | {"command": f"echo {n}"}
    yield "ssh_exec_run_streaming", host | {"command": f"echo {n}"}
    yield "ssh_broadcast", {"hosts": ["box"], "command": "echo all"}
    yield "ssh_batch", {"calls": [{"tool": "ssh_sftp_stat", "arguments": host | {"path": file}}, {"tool": "ssh_host_list"}]}
    yield "ssh_delete", host | {"path": file + ".moved"}
    yield "ssh_delete_folder", host | {"path": f"{data}/folder-{n}"}


def with_schemas(wire, checks, base):
    """Every input schema through the converters, and live answers against the output schemas."""
    from jsonschema import Draft202012Validator

    # The converters remark on each key that Gemini does not know.
    logging.disable(logging.WARNING)
    tools = tools_of(wire)
    faults = [fault for tool in tools for fault in faults_of_conversion(tool)]
    checks.expect(f"{len(tools)} input schemas through four converters", len(tools) > 90 and not faults, faults[:5])
    validators = {tool["name"]: Draft202012Validator(tool["outputSchema"]) for tool in tools}
    held, breaches, errors, seen = 0, [], set(), set()
    round = 0
    while held < ANSWERS and round < 40:
        for name, arguments in calls(base, round):
            result = wire.ask("tools/call", name=name, arguments=arguments)["result"]
            if result.get("isError"):
                errors.add(f"{name}: {result['content'][0]['text'][:200]}")
                continue
            held += 1
            seen.add(name)
            breaches += [f"{name}: {fault.message:.200}" for fault in validators[name].iter_errors(result["structuredContent"])]
        round += 1
    what = f"{held} answers of {len(seen)} tools keep their schemas"
    checks.expect(what, held >= ANSWERS and not breaches and len(errors) <= 3, (breaches[:5], sorted(errors)[:10]))


async def with_heartbeat(client, checks, seconds):
    """A silent call is told of at least every ten seconds, and the numbers grow."""
    began, told = time.monotonic(), []

    async def on_progress(progress, total, message):
        told.append((time.monotonic() - began, progress, message))

    command = {"host": "box", "command": f"sleep {seconds}", "timeout": seconds + 60}
    answer = await client.call_tool("ssh_exec_run", command, progress_callback=on_progress, read_timeout_seconds=seconds + 60)
    times = [0.0] + [at for at, _, _ in told] + [time.monotonic() - began]
    gaps = [after - before for before, after in zip(times, times[1:])]
    numbers = [progress for _, progress, _ in told]
    good = len(told) >= seconds // 10 and max(gaps) <= 10.5 and numbers == sorted(set(numbers)) and not answer.is_error
    checks.expect(f"hears {len(told)} signs of a call of {seconds} s", good, told)
    await asyncio.sleep(0)
