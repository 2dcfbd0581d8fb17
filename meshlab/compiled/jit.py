"""How the rules are compiled, and how they reach their records.

All state of a compiled run lies in numpy arrays of records (`meshlab.compiled.layout`). A rule gets
the *root* record, which knows the address of every array, and finds the rest from there:

    call = call_at(root.calls, number)
    call.attempts += 1

A record is found by its address, without counting references and without a copy. The arrays are
kept alive by the Python side for as long as the run goes on.

Compiled code is cached on disk, in a folder named after everything it depends on: the sources of
the rules, the constants they use, numba, and Python. numba's own check would look at one file and
miss the others.
"""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import numba
import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils, config
from numba.extending import intrinsic
from numba.np.numpy_support import from_dtype

from meshlab.model import RETRIABLE, Outcome
from meshlab.policies.breaker import Reason, State
from meshlab.policies.grpc_throttle import TOKEN
from meshlab.policies.peak_ewma import PENALTY
from meshlab.policies.ring_hash import GOLDEN
from meshlab.policies.token_budget import SLICES
from meshlab.policies.windows import BUCKETS
from meshlab.processor import SLOWEST
from meshlab.sidecar import PICKS
from meshlab.telemetry.counts import CLASS_OF, CLASSES, OPENING
from meshlab.telemetry.names import DURATION_BUCKETS

Rule = TypeVar("Rule", bound=Callable[..., Any])


RULES = (
    *("jit", "layout", "heap", "lanes", "draws", "notes", "breaker", "budget", "balance", "cluster"),
    *("sidecar", "service", "transport", "tracing", "central", "loop"),
)
"""The modules of this package that are compiled; the others are plain Python."""

CONSTANTS = (
    *(tuple(Outcome), sorted(RETRIABLE), PICKS, SLOWEST, TOKEN, SLICES, PENALTY, GOLDEN, BUCKETS),
    *(tuple(Reason), tuple(State), OPENING, CLASSES, CLASS_OF, DURATION_BUCKETS),
)
"""What the rules take from the reference engine: numbers that are compiled into them."""


def _fingerprint() -> str:
    """Changes when compiled code would."""
    known = f"{sys.version} {numba.__version__} {np.__version__} {CONSTANTS!r}"
    sha = hashlib.sha256(known.encode())
    for name in RULES:
        sha.update((Path(__file__).parent / f"{name}.py").read_bytes())
    return sha.hexdigest()[:16]


def cache_folder() -> Path:
    """Where compiled code is kept: ``MESHLAB_CACHE``, or a folder of the user's cache."""
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    root = Path(os.environ.get("MESHLAB_CACHE") or Path(home) / "meshlab")
    return root / _FINGERPRINT


_FINGERPRINT = _fingerprint()


def jit(rule: Rule) -> Rule:
    """Compile a rule on its first use. Floats keep their order: no fast-math, so the same bytes."""
    return _compiled(rule, False)


def inlined(rule: Rule) -> Rule:
    """The same for a rule that every event uses: it is compiled into those that call it."""
    return _compiled(rule, True)


def _compiled(rule: Rule, inline: bool) -> Rule:
    settings: Any = config
    before, settings.CACHE_DIR = settings.CACHE_DIR, str(cache_folder())
    try:
        made: Any = numba.njit(cache=True, error_model="numpy", forceinline=inline)(rule)
    finally:
        settings.CACHE_DIR = before
    return made


@intrinsic
def _prefetch(typing_context: Any, record: Any) -> Any:
    """Ask the processor to bring a line of memory near: it will be read soon."""

    def ask(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        byte, whole = ir.IntType(8).as_pointer(), ir.IntType(32)
        kind = ir.FunctionType(ir.VoidType(), [byte, whole, whole, whole])
        name = "llvm.prefetch.p0i8"
        insert: Any = cgutils.get_or_insert_function
        function = insert(builder.module, kind, name)
        place = builder.bitcast(arguments[0], byte)
        builder.call(function, [place, whole(0), whole(3), whole(1)])
        return context.get_dummy_value()

    return types.void(record), ask


prefetch: Any = _prefetch


@intrinsic
def _bits_of(typing_context: Any, number: Any) -> Any:
    def cast(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.bitcast(arguments[0], ir.IntType(64))

    return types.int64(types.float64), cast


@intrinsic
def _number_of(typing_context: Any, bits: Any) -> Any:
    def cast(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.bitcast(arguments[0], ir.DoubleType())

    return types.float64(types.int64), cast


@intrinsic
def _least_of_four(typing_context: Any, address: Any) -> Any:
    """Which of four whole numbers of 128 bits is the least (0 to 3), without a branch."""

    def find(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        wide, index = ir.IntType(128), ir.IntType(64)
        start = builder.inttoptr(arguments[0], wide.as_pointer())
        keys = [builder.load(builder.gep(start, [index(place)]), align=16) for place in range(4)]

        def less(one: Any, other: Any) -> Any:
            (x, i), (y, j) = one, other
            later = builder.icmp_signed("<", y, x)
            return builder.select(later, y, x), builder.select(later, j, i)

        pairs = [(key, index(place)) for place, key in enumerate(keys)]
        return less(less(*pairs[:2]), less(*pairs[2:]))[1]

    return types.int64(types.int64), find


least_of_four: Any = _least_of_four

bits_of: Any = _bits_of
"""The 64 bits of a float, as a whole number."""

number_of: Any = _number_of
"""The float of these 64 bits."""


def finder(dtype: np.dtype[Any]) -> Any:
    """``at(address, index)``: the record of this type at a place in an array of such records."""
    record, size = from_dtype(dtype), dtype.itemsize

    @intrinsic
    def at(typing_context: Any, address: Any, index: Any) -> Any:
        def place(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            start, number = arguments
            number = context.cast(builder, number, signature.args[1], types.int64)
            offset = builder.mul(number, context.get_constant(types.int64, size))
            return builder.inttoptr(builder.add(start, offset), context.get_value_type(record))

        return record(types.int64, index), place

    return at
