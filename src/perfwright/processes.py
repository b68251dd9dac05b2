"""Work shared out over processes, and work that recurses deeply: what the platform must give."""

import gc
import os
import pickle
import sys
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

STACK = 512 << 20  # bytes of address space; only what is used is taken

T = TypeVar("T")


def can_fork() -> bool:
    """Tell whether a process can be started as a copy of this one, with all that it has read."""
    return sys.platform == "linux" and hasattr(os, "fork")


def shared(work: Callable[[int], T], count: int, *, at_once: bool) -> list[T]:
    """Return `[work(0), ..., work(count - 1)]`: at once in copies of this process, else one after the other.

    Results go by pickle. What a copy cannot give, because it was ended from outside, is worked out here.
    """
    if count < 2 or not at_once or not can_fork():
        return [work(index) for index in range(count)]
    import multiprocessing  # only where work is shared

    context = multiprocessing.get_context("fork")
    gc.freeze()  # the copies leave the pages alone that hold what is there already
    started = []
    for index in range(1, count):
        here, there = context.Pipe(duplex=False)
        process = context.Process(target=_send, args=(work, index, there), daemon=True)
        process.start()
        there.close()
        started.append((process, here, index))
    try:
        results = [work(0)]
        for process, here, index in started:
            try:
                results.append(pickle.loads(here.recv_bytes()))
            except EOFError:
                results.append(work(index))
            finally:
                here.close()
                process.join()
    finally:
        for process, _, _ in started:
            if process.is_alive():
                process.terminate()
    return results


def _send(work: Callable[[int], Any], index: int, to: "Connection") -> None:
    gc.disable()
    try:
        to.send_bytes(pickle.dumps(work(index), protocol=5))
        to.close()
    except BaseException:
        os._exit(1)  # it is worked out again where an error can be told
    os._exit(0)  # nothing here needs to be taken down


def deep(work: Callable[[], T]) -> T:
    """Return what a call gives, run where it may recurse thousands of times."""
    results: list[T] = []
    raised: list[BaseException] = []

    def run() -> None:
        try:
            results.append(work())
        except BaseException as error:
            raised.append(error)

    before = threading.stack_size()
    try:
        threading.stack_size(STACK)
    except (ValueError, RuntimeError):
        return work()
    thread = threading.Thread(target=run, daemon=True)
    try:
        thread.start()
    except (RuntimeError, MemoryError):  # so much address space is not to be had
        return work()
    finally:
        threading.stack_size(before)
    thread.join()
    if raised:
        raise raised[0]
    return results[0]
