"""Runs the user's test command for a project and records how it ended: python -I -S test_run.py ARGUMENTS, a JSON document.

Started by the hook of TaskCompleted, in the background, with a time limit. One run per project at a time.
"""

import os
import sys


def main() -> None:
    """Run the command, record the result."""
    sys.path.insert(0, os.path.realpath(__file__).rsplit(os.sep, 4)[0])
    import fcntl
    import json
    import time

    from agent_store.record import spool
    from agent_store.record.hooks.hook import BRIEFS, NOTES, md5

    asked = json.loads(sys.argv[1])
    folder = os.path.join(asked["home"], BRIEFS, NOTES)
    os.makedirs(folder, 0o700, exist_ok=True)
    lock = os.open(os.path.join(folder, md5(asked["folder"]) + ".test_run"), os.O_WRONLY | os.O_CREAT, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return
    started = time.monotonic()
    exit_code, is_timed_out, output = _run(asked["command"], asked["folder"], asked["timeout_s"])
    payload = {
        "command": asked["command"], "working_dir": asked["folder"], "exit_code": exit_code, "timed_out": is_timed_out,
        "duration_ms": round((time.monotonic() - started) * 1000), "task_id": asked["task_id"],
        "prompt_id": asked["prompt_id"], **counts(output),
    }  # fmt: skip
    line = spool.envelope("test_run", json.dumps(payload).encode(), asked["session_id"] or None)
    spool.append(os.path.join(asked["home"], "spool"), spool.HOOKS, line)


def _run(command: str, folder: str, seconds: float) -> "tuple[int | None, bool, str]":
    import signal
    import subprocess
    import tempfile

    with tempfile.TemporaryFile() as file:
        process = subprocess.Popen(
            command, shell=True, cwd=folder, stdin=subprocess.DEVNULL, stdout=file, stderr=file, start_new_session=True
        )  # fmt: skip
        try:
            process.wait(seconds)
            is_timed_out = False
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            is_timed_out = True
        file.seek(0, os.SEEK_END)
        file.seek(max(0, file.tell() - 65536))
        output = file.read().decode("utf-8", "replace")
    return (None if is_timed_out else process.returncode), is_timed_out, output


def counts(output: str) -> "dict[str, object]":
    """How many tests passed, failed and were skipped, from the final line of a known runner; else nothing."""
    import re

    for line in reversed(output.splitlines()):
        bare = re.sub(r"\x1b\[[0-9;]*m", "", line)
        if found := re.search(r"^Ran (\d+) tests? in ", bare):
            total = int(found[1])
            ended = output[output.rfind("Ran ") :]
            failed = sum(int(count) for count in re.findall(r"(?:failures|errors)=(\d+)", ended))
            skipped = sum(int(count) for count in re.findall(r"skipped=(\d+)", ended))
            return _counted("unittest", total - failed - skipped, failed, skipped)
        if re.search(r"^Tests: +.*\d+ total", bare):
            return _counted("jest", *_named(bare))
        if bare.startswith("test result: "):
            return _counted("cargo", *_named(bare))
        if re.search(r"\b\d+ (passed|failed|skipped|errors?)\b.* in [\d.]+s", bare):
            return _counted("pytest", *_named(bare))
    return {}


def _named(line: str) -> "tuple[int, int, int]":
    import re

    numbers = [
        sum(int(count) for count in re.findall(rf"(\d+) (?:{names})\b", line))
        for names in ("passed", "failed|errors?", "skipped|ignored")
    ]
    return numbers[0], numbers[1], numbers[2]


def _counted(framework: str, passed: int, failed: int, skipped: int) -> "dict[str, object]":
    total = passed + failed + skipped
    return {"framework": framework, "total": total, "passed": passed, "failed": failed, "skipped": skipped}


if __name__ == "__main__":
    try:
        main()
    except BaseException:
        pass
    os._exit(0)
