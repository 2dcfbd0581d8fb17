"""The shop at 15,000 requests per second: what an event costs, and what a run keeps in memory.

    measure(duration)      in a process of its own, so that its memory is nobody else's

Whatever the scenario counts in requests grows with the rate: workers and places in a queue.
"""

from __future__ import annotations

import sys
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from multiprocessing import get_context
from statistics import fmean, median

from meshlab.engines.choice import why_not
from meshlab.mesh.mesh import Mesh
from meshlab.mesh.result import Result
from meshlab.scenario.scenario import Scenario
from meshlab.scenario.shop import shop
from meshlab.scenario.topology import Service
from tests.benchmarks.engines import COMPILED, Row, Rows, compiled, reference

RATE = 15_000.0
SEED = 1
BASE = "meshlab, reference"
SHORT = 2.0
"""Virtual seconds of what the reference engine runs too."""

BARE = 0.001
"""Virtual seconds in which next to nothing happens: what is left is the set-up."""

MIB = 2**20


def scaled_shop(rate: float, duration: float) -> Scenario:
    """The shop of the lessons with as many times its workers and queues as its requests."""
    small = shop(duration=duration)
    times = round(rate / small.loads[0].peak)
    loads = (replace(small.loads[0], rate=rate),)
    services = tuple(_scaled(service, times) for service in small.services)
    return replace(small, services=services, loads=loads, trace_sampling=0.0)


def _scaled(service: Service, times: int) -> Service:
    instances = tuple(
        replace(instance, workers=times * instance.workers, queue=times * instance.queue)
        for instance in service.instances
    )
    return replace(service, instances=instances)


@dataclass(frozen=True, slots=True)
class Measured:
    """One size of run. ``grown`` is by how much it let the process grow at most, in bytes.

    ``in_flight`` are the calls that had not ended when the run did; ``heap`` is the mean number of
    events in the heap at the scrapes; ``recorded`` the bytes of all series.
    """

    events: int
    requests: int
    seconds: float
    in_flight: int
    heap: float
    recorded: int
    grown: int | None

    @property
    def nanoseconds(self) -> float:
        """CPU time of an event, set-up included."""
        return 1e9 * self.seconds / self.events


def resident(field: str) -> int | None:
    """Memory of this process in bytes, now ("VmRSS") or at most ("VmHWM"), where Linux tells."""
    if sys.platform != "linux":
        return None
    with open("/proc/self/status", encoding="ascii") as status:
        found = next(line for line in status if line.startswith(field))
    return 1024 * int(found.split()[1])


@dataclass(frozen=True, slots=True)
class _Run:
    result: Result
    seconds: float
    heaps: list[int]


def _run(duration: float) -> _Run:
    """Once from the scenario to the result, with a look at the heap at every scrape."""
    from meshlab.kernel import lowering  # here: it needs numba

    heaps: list[int] = []
    began = time.process_time()
    mesh = Mesh(scaled_shop(RATE, duration), SEED)
    mesh.lower(lowering)
    result = mesh.run(lambda share: heaps.append(len(mesh.engine.heap)))
    return _Run(result, time.process_time() - began, heaps[1:])


def _measure(duration: float, rounds: int) -> Measured:
    _run(0.01)  # the rules are loaded, and the imports done
    before = resident("VmRSS")
    first = _run(duration)
    peak = resident("VmHWM")
    seconds = [first.seconds, *(_run(duration).seconds for _ in range(rounds - 1))]
    edges = first.result.edges
    page = edges["client", "gateway"]
    return Measured(
        events=first.result.events,
        requests=page.calls - page.in_flight,
        seconds=median(seconds),
        in_flight=sum(edge.in_flight for edge in edges.values()),
        heap=fmean(first.heaps),
        recorded=sum(recording.values.nbytes for recording in first.result.recordings),
        grown=None if peak is None or before is None else peak - before,
    )


def measure(duration: float, rounds: int = 1) -> Measured:
    """Run so many virtual seconds on the compiled engine, in a fresh process; the median round."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(_measure, duration, rounds).result()


def seconds_for(events: float) -> float:
    """How long to run (virtual s) for so many events; in the first second the shop fills up."""
    longer, shorter = (compiled(scaled_shop(RATE, seconds), SEED).events for seconds in (2.0, 1.0))
    pace = longer - shorter
    return (events + pace - shorter) / pace


SHOP_ENGINES: Rows = {
    BASE: Row(reference, Result.digest, lambda result: result.events),
    COMPILED: Row(compiled, Result.digest, lambda result: result.events, why_not),
}
"""They do the same."""
