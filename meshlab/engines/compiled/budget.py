"""The rules of `meshlab.policies.budget`, `token_budget` and `grpc_throttle`, for numba."""

from __future__ import annotations

from typing import Any

from meshlab.engines.compiled.jit import jit
from meshlab.engines.compiled.layout import upstream_at
from meshlab.policies.grpc_throttle import TOKEN
from meshlab.policies.token_budget import SLICES

NO_BUDGET, CONCURRENT, TOKENS, THROTTLE = 0, 1, 2, 3


@jit
def deposit(root: Any, number: int) -> None:
    """A call began."""
    upstream = upstream_at(root.upstreams, number)
    if upstream.budget == CONCURRENT:
        upstream.budget_active += 1
    elif upstream.budget == TOKENS:
        slice_ = turn_to_now(root, number)
        upstream.slices[slice_] += upstream.deposit
        upstream.balance += upstream.deposit


@jit
def withdraw(root: Any, number: int) -> bool:
    """A try failed: may a retry be sent?"""
    upstream = upstream_at(root.upstreams, number)
    if upstream.budget == CONCURRENT:
        allowed = max(int(upstream.share * upstream.budget_active), upstream.floor)
        if upstream.budget_retries >= allowed:
            return False
        upstream.budget_retries += 1
    elif upstream.budget == TOKENS:
        slice_ = turn_to_now(root, number)
        if upstream.balance + upstream.reserve < upstream.cost:
            return False
        upstream.slices[slice_] -= upstream.cost
        upstream.balance -= upstream.cost
    elif upstream.budget == THROTTLE:
        if upstream.tokens - TOKEN <= upstream.half_tokens:
            return False
        upstream.tokens -= TOKEN
    return True


@jit
def retry_ended(root: Any, number: int) -> None:
    """A retry that was granted has ended."""
    upstream = upstream_at(root.upstreams, number)
    if upstream.budget == CONCURRENT:
        upstream.budget_retries -= 1


@jit
def settle(root: Any, number: int, ok: bool) -> None:
    """A call ended, with all its tries."""
    upstream = upstream_at(root.upstreams, number)
    if upstream.budget == CONCURRENT:
        upstream.budget_active -= 1
    elif upstream.budget == THROTTLE:
        if ok:
            upstream.tokens = min(upstream.tokens + upstream.earned, upstream.most_tokens)
        else:
            upstream.tokens = max(upstream.tokens - TOKEN, 0)


@jit
def turn_to_now(root: Any, number: int) -> int:
    """The slice of the present; those that are too old are forgotten."""
    upstream = upstream_at(root.upstreams, number)
    newest = int(root.now / upstream.slice_seconds)
    if newest != upstream.newest:
        for skipped in range(max(upstream.newest + 1, newest - SLICES + 1), newest + 1):
            upstream.balance -= upstream.slices[skipped % SLICES]
            upstream.slices[skipped % SLICES] = 0
        upstream.newest = newest
    return newest % SLICES
