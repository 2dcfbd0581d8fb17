"""From plain Python to full scale: puts a built mesh into memory, and lets compiled code run it.

    mesh = Mesh(scenario, seed)            plain Python objects
    lower(mesh.engine, roots)              the same objects, now views of memory
    mesh.run()                             the same code, and events run compiled
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from typing import Any

from meshlab.kernel import compiled_engine as ce
from meshlab.kernel import layout
from meshlab.kernel.build import ENTRIES
from meshlab.kernel.compiler import compiled
from meshlab.kernel.engine import ALWAYS, Engine, TimerQueue
from meshlab.kernel.memory import Address, Memory, _offset, get
from meshlab.kernel.views import _slot, address_in, run_compiled

EVENTS = 2**20
"""How many events may run before Python looks whether somebody wants to stop: a fraction of a second."""


def lower(engine: Engine, roots: Iterable[Any]) -> Memory:
    """Put an engine, with the events that it knows, and records into memory.

    `NotLowered` if a record refers to something that has no place there.
    """
    functions = compiled()
    memory = Memory()
    memory.lower(engine)
    for root in roots:
        memory.lower(root)
    sequence = engine.sequence
    events, memory.waiting_events = memory.waiting_events, []
    for time, number, method, given, life in events:
        engine.sequence = number - 1
        plan(engine, time, method, given, life)
    engine.sequence = sequence
    del functions
    return memory


def plan(engine: Engine, time: float, method: Any, number: int, life: int | None = None) -> None:
    """Plan an event of a lowered engine; what is no entry of a record comes back to Python."""
    address: Address = _slot(Engine).__get__(engine)
    memory = address.memory
    owner = getattr(method, "__self__", None)
    entry = ENTRIES.get((type(owner).__name__, getattr(method, "__name__", "")))
    if entry is not None and getattr(type(owner), "IS_VIEW", False):
        me = address_in(owner)
        what = entry.number + (max(number, 0) << ce.KINDS)
        life = int(get(me, "i4")) if life is None else life
    else:
        assert not isinstance(owner, TimerQueue), "timers can't be planned before a mesh is lowered"
        memory.controls.append((method, number))
        me, what, life = len(memory.controls) - 1, ce.FOR_PYTHON, ALWAYS
    run_compiled(memory, compiled().plan_event, int(address), float(time), what, me, life)


def advance(engine: Engine, until: float) -> None:
    """Run every event up to and including ``until`` (s)."""
    address: Address = _slot(Engine).__get__(engine)
    memory, loop = address.memory, compiled().advance
    (last,) = struct.unpack("<q", struct.pack("<d", until))
    while True:
        stop = run_compiled(memory, loop, int(address), last, EVENTS)
        if stop == ce.TIME:
            return
        if stop == ce.CONTROL:
            place = get(address + _offset(layout.ENGINE, "control"), "i8")
            method, number = memory.controls[place]
            if number < 0:
                method()
            else:
                method(number)
