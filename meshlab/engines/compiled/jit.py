"""How the rules are compiled, and how they reach their records.

All state of a compiled run lies in numpy arrays of records (`meshlab.engines.compiled.layout`). A
rule gets the *root* record, which knows the address of every array, and finds the rest from there:

    call = call_at(root.calls, number)
    call.attempts += 1

A record is found by its address, without counting references and without a copy. The arrays are
kept alive by the Python side for as long as the run goes on.

Compiled code is kept on disk, under a fingerprint of everything it depends on: the sources of the
rules, the constants they use, numba, numpy, Python and the processor. numba's own check would look
at one file and miss the others. `meshlab.kernel.code_cache` has the rules of the folder.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import numba
import numpy as np
from numba import types
from numba.core import config
from numba.extending import intrinsic
from numba.np.numpy_support import from_dtype

from meshlab.engines.compiled.kept_code import Announcer, keep
from meshlab.kernel.code_cache import fingerprint, open_cache
from meshlab.mesh.processor import SLOWEST
from meshlab.mesh.sidecar import PICKS
from meshlab.model import RETRIABLE, Outcome
from meshlab.policies.breaker import Reason, State
from meshlab.policies.grpc_throttle import TOKEN
from meshlab.policies.peak_ewma import PENALTY
from meshlab.policies.ring_hash import GOLDEN
from meshlab.policies.token_budget import SLICES
from meshlab.policies.windows import BUCKETS
from meshlab.telemetry.counts import CLASS_OF, CLASSES, OPENING
from meshlab.telemetry.names import DURATION_BUCKETS

Rule = TypeVar("Rule", bound=Callable[..., Any])


RULES = (
    *("jit", "machine", "layout", "draws", "heap", "lanes", "notes"),
    *("breaker", "budget", "balance", "cluster"),
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
    import llvmlite  # here: if numba is missing, that is what is missed
    from llvmlite import binding

    settings: Any = config
    processor = settings.CPU_NAME or binding.get_host_cpu_name()
    features = settings.CPU_FEATURES or binding.get_host_cpu_features().flatten()
    return fingerprint(
        (Path(__file__).parent / f"{name}.py" for name in RULES),
        *(numba.__version__, llvmlite.__version__, np.__version__, CONSTANTS),
        *(binding.get_default_triple(), processor, features),
    )


CACHE = open_cache(_fingerprint())
"""Where the rules are kept once they are compiled."""

_ANNOUNCER = Announcer(CACHE)


def jit(rule: Rule) -> Rule:
    """Compile a rule on its first use. Floats keep their order: no fast-math, so the same bytes."""
    return _compiled(rule, False)


def inlined(rule: Rule) -> Rule:
    """The same for a rule that every event uses: it is compiled into those that call it."""
    return _compiled(rule, True)


def _compiled(rule: Rule, inline: bool) -> Rule:
    made: Any = numba.njit(error_model="numpy", forceinline=inline)(rule)
    keep(made, _ANNOUNCER)
    template = made.get_call_template
    made.get_call_template = lambda args, kws: template(tuple(map(_widened, args)), kws)
    return made


def _widened(kind: Any) -> Any:
    """A whole number has 64 bits, whatever field or constant it comes from.

    So a rule is compiled once, not for each size of number and each constant that it is given.
    """
    known: Any = types
    kind = known.unliteral(kind)
    narrow = isinstance(kind, known.Integer) and kind.bitwidth < 64
    return known.int64 if narrow else kind


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
