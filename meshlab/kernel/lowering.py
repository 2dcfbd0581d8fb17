"""From plain Python to full scale: puts a built mesh into memory, and lets compiled code run it.

mesh = Mesh(scenario, seed)            plain Python objects
lower(mesh.engine, roots)              the same objects, now views of memory
mesh.run()                             the same code, and events run compiled
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from meshlab.kernel.compiler import make_ready
from meshlab.kernel.engine import Engine
from meshlab.kernel.gather import Reader as Reader
from meshlab.kernel.memory import Memory
from meshlab.kernel.running import plan
from meshlab.kernel.views import view_of


def lower(engine: Engine, roots: Iterable[Any]) -> Memory:
    """Put an engine, with the events that it knows, and records into memory.

    `meshlab.kernel.memory.NotLowered` if a record refers to something that has no place there.
    """
    make_ready()
    memory = Memory(view_of)
    for root in (engine, *roots):
        memory.lower(root)
    sequence = engine.sequence
    events, memory.waiting_events = memory.waiting_events, []
    for time, number, method, given, life in events:
        engine.sequence = number - 1
        plan(engine, time, method, given, life)
    engine.sequence = sequence
    return memory
