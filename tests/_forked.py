"""Programs that run in processes of their own, forked from one that has their libraries already: that takes a tenth of
the time of a start."""

import contextlib
import io
import multiprocessing
import os
import sys
import traceback
from multiprocessing.connection import Connection

LIBRARIES = ("sqlalchemy.orm", "django.db.models", "django.test.utils")
LONGEST = 120  # seconds


def output(folder: str, program: str, *arguments: str) -> str:
    """Return what a program prints that runs in a folder; AssertionError with the traceback where it fails."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([*LIBRARIES])
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=_run, args=(theirs, folder, program, arguments), daemon=True)
    process.start()
    theirs.close()
    try:
        assert ours.poll(LONGEST), f"it takes over {LONGEST} s"
        printed, failed = ours.recv()
    finally:
        process.kill()
        process.join()
    assert not failed, failed
    return str(printed)


def _run(to: Connection, folder: str, program: str, arguments: tuple[str, ...]) -> None:
    os.chdir(folder)
    sys.path.insert(0, folder)
    sys.argv = ["-c", *arguments]
    sys.dont_write_bytecode = True  # a file is written anew within a second, with as many bytes
    printed, failed = io.StringIO(), ""
    with contextlib.redirect_stdout(printed):
        try:
            exec(compile(program, "-c", "exec"), {"__name__": "__main__"})
        except BaseException:  # it is told to the other side
            failed = traceback.format_exc()
    to.send((printed.getvalue(), failed))
