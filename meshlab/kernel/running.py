"""Lets compiled code run on a memory, and Python have its turns."""

from __future__ import annotations

import struct
from typing import Any

from meshlab.kernel import layout
from meshlab.kernel.compiled_engine import CONTROL, KINDS, TIME
from meshlab.kernel.compiler import ADVANCE, PLAN
from meshlab.kernel.engine import ALWAYS, Engine, TimerQueue
from meshlab.kernel.entries import ENTRIES, FOR_PYTHON, FUNCTIONS
from meshlab.kernel.layout import offset
from meshlab.kernel.memory import LOCAL, Memory, address_in, get, memory_of

EVENTS = 2**20
"""How many events run before Python gets to see an interrupt: a fraction of a second."""


def call(memory: Memory, number: int, *given: Any) -> Any:
    """Call a compiled function; errors in what it asked of Python are raised here."""
    before = getattr(LOCAL, "memory", None)
    LOCAL.memory = memory
    try:
        return FUNCTIONS[number](*given)
    finally:
        LOCAL.memory = before
        failure, memory.failure = memory.failure, None
        if failure is not None:
            raise failure


def plan(engine: Engine, time: float, method: Any, number: int, life: int | None = None) -> None:
    """Plan an event of a lowered engine; what is no entry of a record comes back to Python."""
    memory, address = memory_of(engine), address_in(engine)
    owner = getattr(method, "__self__", None)
    entry = ENTRIES.get((type(owner).__name__, getattr(method, "__name__", "")))
    if entry is not None and entry.by_clock and address_in(owner):
        me = address_in(owner)
        what = entry.number + (max(number, 0) << KINDS)
        life = int(get(me, "i4")) if life is None else life
    else:
        assert not isinstance(owner, TimerQueue), "timers can't run before a mesh is lowered"
        memory.controls.append((method, number))
        me, what, life = len(memory.controls) - 1, FOR_PYTHON, ALWAYS
    call(memory, PLAN, address, float(time), what, me, life)


def advance(engine: Engine, until: float) -> None:
    """Run every event up to and including ``until`` (s)."""
    memory, address = memory_of(engine), address_in(engine)
    (last,) = struct.unpack("<q", struct.pack("<d", until))
    while True:
        stop = call(memory, ADVANCE, address, last, EVENTS)
        if stop == TIME:
            return
        if stop == CONTROL:
            place = get(address + offset(layout.ENGINE, "control"), "i8")
            method, number = memory.controls[place]
            if number < 0:
                method()
            else:
                method(number)
