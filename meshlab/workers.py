"""Who runs the tasks of a sweep: the cores of this machine, or somebody else's executor.

Worker processes are spawned, not forked, on every system, so that a sweep works alike in a notebook
on Linux, macOS and Windows. (A script must keep its own work under ``if __name__ == "__main__":``
then, for every worker imports it.)

A worker never outlives the process that sweeps, not even a ``kill -9`` of it: it holds the end of a
pipe that breaks when that process ends (on Windows, a handle of the process itself). It notices at
once in Python, and in compiled code when that returns to Python.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import contextmanager
from multiprocessing import active_children, get_context, parent_process
from threading import Thread
from typing import Any

Submit = Callable[..., Future[Any]]
"""An executor's ``submit(task, *arguments)``."""

MOST_WORKERS = 61
"""Windows can't wait for more processes than this at once."""


def cores() -> int:
    """The cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):  # not on macOS and Windows
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@contextmanager
def local(workers: int | None, tasks: int) -> Iterator[Submit]:
    """So many workers (None: one for each core), but no more than there are tasks.

    One worker is a thread of this very process. When the block is left by an error, or by hand,
    what has not begun is dropped, and worker processes end at once.
    """
    pool = _pool(min(cores() if workers is None else workers, tasks, MOST_WORKERS))
    others = active_children()
    try:
        yield pool.submit
    except BaseException:
        if isinstance(pool, ThreadPoolExecutor):
            pool.shutdown(wait=False, cancel_futures=True)
        for process in active_children():
            if process not in others:
                process.terminate()
        raise
    finally:
        pool.shutdown(wait=isinstance(pool, ProcessPoolExecutor))


@contextmanager
def lent(executor: Executor) -> Iterator[Submit]:
    """Somebody else's executor: it stays open, but an error takes back what has not begun."""
    futures: list[Future[Any]] = []

    def submit(task: Callable[..., Any], *arguments: Any) -> Future[Any]:
        futures.append(executor.submit(task, *arguments))
        return futures[-1]

    try:
        yield submit
    except BaseException:
        for future in futures:
            future.cancel()
        raise


def _pool(count: int) -> Executor:
    if count == 1:
        return ThreadPoolExecutor(1, "sweep")
    return ProcessPoolExecutor(count, get_context("spawn"), initializer=_begin)


def _begin() -> None:
    """In a worker, before its first task."""
    # Ctrl-C reaches every process of a terminal; only the one that sweeps is to heed it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = parent_process()
    assert parent is not None  # a worker is a child
    parent.join()
    os._exit(1)  # nobody is left who could be told more
