"""Programs the harness starts, and waits that have a condition and a limit."""
import subprocess
import time

POLL = 0.05  # seconds between two looks at a condition


class Failure(Exception):
    """The story cannot go on; the text says what was expected and what was seen."""


def wait_until(what, limit, condition):
    """The first true value of `condition()`; Failure naming `what` after `limit` seconds."""
    end = time.monotonic() + limit
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise Failure(f"{what}: not within {limit} s")
        time.sleep(POLL)


def run(*command, limit=300, **options):
    """Runs a program to its end; Failure with its last words when it does not succeed."""
    words = [str(word) for word in command]
    done = subprocess.run(words, capture_output=True, timeout=limit, check=False, **options)
    if done.returncode:
        text = (done.stderr or done.stdout).decode(errors="replace").strip()
        raise Failure(f"{' '.join(words)}: exit status {done.returncode}: {text[-600:]}")
    return done.stdout


def succeeds(*command, limit=300):
    """Whether a program that only asks something ends with 0."""
    words = [str(word) for word in command]
    return subprocess.run(words, capture_output=True, timeout=limit, check=False).returncode == 0


def stop(process, limit=20):
    """Ends a child: asks first, then kills."""
    if process.poll() is None:
        process.terminate()
    try:
        process.wait(limit)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait(limit)
