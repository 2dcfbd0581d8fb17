"""The rules of the reference engine restated for numba: the same bytes, many times faster.

    policies, sidecar, service, transport   the rules, one module for each of theirs
    layout, jit, memory, heap, draws        records, and how the rules reach them
    build, handles, world                   a scenario as records, and its run
    notes, records, readings, tracing       what is written down, in the package's words

Whatever differs from the reference engine is a mistake here: tests/agreement runs both on random
scenarios and compares every byte.
"""
