"""The other side of `apart.py`: a process of its own (`python -I child.py FILE`) that runs what a person wrote.

Limits first, then the file. The question comes on stdin as JSON, the answer goes to what was stdout; what the file
prints goes nowhere and disturbs nothing. Nothing of Tongsu is imported here.
"""

import contextlib
import json
import os
import pathlib
import sys
import traceback


def limit(cpu_seconds: int, memory: int, file_size: int) -> None:
    """For this process, and not to be raised again. On Windows there is only the parent's clock."""
    try:
        import resource
    except ImportError:
        return
    limits = [
        (resource.RLIMIT_CPU, cpu_seconds, cpu_seconds + 1), (resource.RLIMIT_DATA, memory, memory),
        (resource.RLIMIT_AS, 4 * memory, 4 * memory), (resource.RLIMIT_FSIZE, file_size, file_size),
        (resource.RLIMIT_CORE, 0, 0),
    ]  # fmt: skip
    for which, soft, hard in limits:
        with contextlib.suppress(ValueError, OSError):  # a stricter one is set already, or this system has none
            resource.setrlimit(which, (soft, hard))


def plain(value: object) -> object:
    """Arrays and their numbers as lists; anything else as it is, for JSON to take or refuse."""
    if isinstance(value, list | tuple):
        return [plain(part) for part in value]
    return value.tolist() if hasattr(value, "tolist") else value


def answer(path: str, question: dict) -> dict:
    source = pathlib.Path(path).read_bytes()
    try:
        space: dict = {"__name__": "exercise", "__file__": path}
        exec(compile(source, path, "exec"), space)
        function = space.get(question["function"])
        if not callable(function):
            return {"error": "missing"}
        calls = question["calls"]
        if question["arrays"]:
            import numpy

            calls = [[numpy.array(v, float) if isinstance(v, list) else v for v in call] for call in calls]
        outputs = [plain(function(*call)) for call in calls]
        json.dumps(outputs)  # what JSON cannot say is an error of the file, with its line
        return {"outputs": outputs}
    except MemoryError:
        return {"error": "memory"}
    except SyntaxError as error:
        return {"error": "syntax", "line": error.lineno or 0, "message": error.msg}
    except (Exception, SystemExit) as error:
        own = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == path]
        return {"error": "raised", "line": own[-1] if own else 0, "message": f"{type(error).__name__}: {error}"[:300]}


if __name__ == "__main__":
    asked = json.loads(sys.stdin.buffer.read())
    pipe, nowhere = os.dup(1), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    limit(*asked["limits"])
    told = json.dumps(answer(sys.argv[1], asked)).encode()
    with os.fdopen(pipe, "wb") as out:
        out.write(told)
