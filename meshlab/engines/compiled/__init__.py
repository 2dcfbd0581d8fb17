"""The rules of the reference engine restated for numba: the same bytes, many times faster.

    policies, sidecar, service, transport   the rules, one module for each of theirs
    layout, jit, machine, memory            records, and how the rules reach them
    heap, lanes, draws, randomness          what comes next: events, timers, random numbers
    build, handles, world                   a scenario as records, and its run
    notes, records, readings, tracing       what is written down, in the package's words

Whatever differs from the reference engine is a mistake here: tests/agreement runs both on random
scenarios and compares every byte.
"""
