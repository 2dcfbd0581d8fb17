"""Queues, bags, pools, lists and rows for compiled runs: as `meshlab.kernel.containers`.

Members of a queue are linked by fields of their own. A pool's records never move. All memory is
Python's: what runs low is asked for.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from meshlab.kernel.compiled_engine import (
    EMPTY_BAG,
    MORE_PLACES,
    MORE_RECORDS,
    MORE_ROWS,
    need,
)
from meshlab.kernel.layout import LINK, PARTS, fields_of, kept_of, row_dtype
from meshlab.kernel.machine import (
    clear,
    float_at,
    put_float,
    put_unsigned,
    put_word,
    unsigned_at,
    word_at,
)
from meshlab.kernel.record import RECORDS as RECORD_CLASSES
from meshlab.kernel.record import Field
from meshlab.kernel.types import add_methods, at, index_by_place, make_type

QUEUE = """
def push(self, item):
    item.{link}_next = 0
    item.{link}_before = self.last
    if self.last == 0:
        self.head = address_of(item)
    else:
        at(self.last).{link}_next = address_of(item)
    self.last = address_of(item)
    self.count += 1

def remove(self, item):
    if item.{link}_before == 0:
        self.head = item.{link}_next
    else:
        at(item.{link}_before).{link}_next = item.{link}_next
    if item.{link}_next == 0:
        self.last = item.{link}_before
    else:
        at(item.{link}_next).{link}_before = item.{link}_before
    self.count -= 1

def pop(self):
    item = at(self.head)
    self.remove(item)
    return item

def clear(self):
    self.head = 0
    self.last = 0
    self.count = 0
"""
BAG = """
def add(self, item):
    item.{link}_in = address_of(self)
    item.{link}_order = self.joined
    self.joined += 1
    self.count += 1

def remove(self, item):
    item.{link}_in = 0
    self.count -= 1

def empty_into(self, found):
    while found.room < found.count + self.count:
        need(MORE_PLACES, address_of(found))
    need(EMPTY_BAG, address_of(self))
    for place in range(self.count):
        put_word(found.places + 8 * (found.count + place), word_at(self.joined + 8 * place))
    found.count += self.count
    self.joined = 0
    self.count = 0
"""
POOL = """
def new(self):
    if self.free == 0:
        need(MORE_RECORDS, address_of(self))
    item = at(self.free)
    self.free = word_at(self.free + LINK)
{zeros}
    return item

def release(self, item):
    item.life += 1
    address = address_of(item)
    put_word(address + LINK, self.free)
    self.free = address
"""
RECORDS = """
def append(self, item):
    if self.count == self.room:
        need(MORE_PLACES, address_of(self))
    put_word(self.places + 8 * self.count, address_of(item))
    self.count += 1

def pop(self):
    self.count -= 1
    return at(word_at(self.places + 8 * self.count))

def clear(self):
    self.count = 0

def __getitem__(self, place):
    return at(word_at(self.places + 8 * place))

def __setitem__(self, place, item):
    put_word(self.places + 8 * place, address_of(item))

def __len__(self):
    return self.count
"""
NUMBERS = """
def append(self, number):
    if self.count == self.room:
        need(MORE_PLACES, address_of(self))
    put(self.places + 8 * self.count, number)
    self.count += 1

def pop(self):
    self.count -= 1
    return get(self.places + 8 * self.count)

def clear(self):
    self.count = 0

def __getitem__(self, place):
    return get(self.places + 8 * place)

def __setitem__(self, place, number):
    put(self.places + 8 * place, number)

def __len__(self):
    return self.count
"""
ROWS = """
def write(self, {given}):
    if self.used == self.room:
        need(MORE_ROWS, address_of(self))
    row = at(self.rows + SIZE * self.used)
    self.used += 1
{lines}
"""

SOURCES = {"Queue": QUEUE, "Bag": BAG, "Pool": POOL, "records": RECORDS, "numbers": NUMBERS}
ACCESS = {"f8": (float_at, put_float), "i8": (word_at, put_word), "u8": (unsigned_at, put_unsigned)}


def container_type(owner: str, attribute: str, field: Field) -> Any:
    """The numba type of a container that a record has; its methods come later (`complete`)."""
    kind = make_type(f"{field.kind}_{owner}_{attribute}", np.dtype(PARTS[field.kind]))
    if field.kind in ("records", "numbers"):
        index_by_place(kind)
    return kind


def complete(kind: Any, owner: str, attribute: str, field: Field, item: Any) -> None:
    """Give a container its methods; ``item`` is the numba type of its members."""
    scope: dict[str, Any] = {"need": need, "word_at": word_at, "put_word": put_word}
    scope |= {"clear": clear, "LINK": LINK, "MORE_RECORDS": MORE_RECORDS}
    scope |= {"MORE_PLACES": MORE_PLACES, "EMPTY_BAG": EMPTY_BAG, "MORE_ROWS": MORE_ROWS}
    if field.kind == "Rows":
        names = row_dtype(field.of).names or ()
        lines = "\n".join(f"    row.{name} = {name}" for name in names)
        scope |= {"at": at(item), "SIZE": row_dtype(field.of).itemsize}
        add_methods(kind, ROWS.format(given=", ".join(names), lines=lines), scope)
        return
    if field.kind == "numbers":
        scope["get"], scope["put"] = ACCESS[field.of]
    else:
        scope["at"] = at(item)
        scope["KEPT"] = kept_of(field.of)  # of a record that was released
    source = SOURCES[field.kind].replace("{link}", f"{owner}_{attribute}")
    source = source.replace("{zeros}", _zeros(field.of) if field.kind == "Pool" else "")
    add_methods(kind, source, scope)


def _zeros(name: str) -> str:
    """How a pooled record begins anew: with zeros where its class says so, or all of it."""
    cls, fields = RECORD_CLASSES[name], fields_of(name)
    begun = [attribute for attribute in fields if attribute in vars(cls)]
    if not begun:
        return "    clear(item, KEPT)"
    values = {"reference": "None"}
    return "\n".join(f"    item.{a} = {values.get(fields[a].kind, '0')}" for a in begun)
