"""The ledger: rare decisions one by one, frequent ones together, all in the order of time."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from meshlab.telemetry.ledger import Entry, Ledger


def test_an_entry_reads_as_a_sentence_with_its_evidence() -> None:
    entry = Entry(12.5, "cart-1", "killed", "out of memory", (("goroutines", 1500.0),))
    assert str(entry) == "   12.50 s  cart-1: killed (out of memory, goroutines 1500)"


def test_an_entry_without_evidence_reads_well_too() -> None:
    assert str(Entry(1.0, "cart", "fault began", "errors")) == (
        "    1.00 s  cart: fault began (errors)"
    )


def test_every_rare_decision_has_an_entry_of_its_own() -> None:
    ledger = Ledger()
    for time in (1.0, 2.0):
        ledger.write(time, "cart-1", "killed", "outage")
    assert ledger.close() == (
        Entry(1.0, "cart-1", "killed", "outage"),
        Entry(2.0, "cart-1", "killed", "outage"),
    )


def test_frequent_decisions_are_written_together_dated_by_the_first() -> None:
    ledger = Ledger()
    for time in (1.0, 2.0, 3.0):
        ledger.tally(time, "cart-1", "request shed", "queue full")
    assert ledger.close() == (
        Entry(1.0, "cart-1", "request shed", "queue full", (("count", 3.0),)),
    )


def test_each_interval_has_tallies_of_its_own() -> None:
    ledger = Ledger()
    for time in (1.0, 2.0, 6.0):
        ledger.tally(time, "cart-1", "request shed", "queue full")
        if time == 2.0:
            ledger.flush()
    counts = [(entry.time, entry.evidence) for entry in ledger.close()]
    assert counts == [(1.0, (("count", 2.0),)), (6.0, (("count", 1.0),))]


def test_an_interval_without_decisions_leaves_no_entry() -> None:
    ledger = Ledger()
    ledger.flush()
    assert ledger.close() == ()


def test_subjects_events_and_reasons_are_tallied_apart() -> None:
    ledger = Ledger()
    for subject in ("cart-1", "cart-2"):
        for event in ("request shed", "retry denied"):
            for reason in ("this", "that"):
                ledger.tally(1.0, subject, event, reason)
    assert len(ledger.close()) == 8


@given(st.lists(st.tuples(st.integers(0, 9), st.booleans(), st.booleans())))
def test_the_ledger_is_in_the_order_of_time_and_of_writing_and_loses_nothing(
    steps: list[tuple[int, bool, bool]],
) -> None:
    """Time goes on; some decisions are tallied, and the tallies flushed now and then."""
    ledger, now, written, tallied = Ledger(), 0.0, [], 0
    for number, (seconds, rare, flush) in enumerate(steps):
        now += seconds
        if rare:
            ledger.write(now, f"s{number}", "event", "reason")
            written.append(f"s{number}")
        else:
            ledger.tally(now, "all", "event", "reason")
            tallied += 1
        if flush:
            ledger.flush()
    entries = ledger.close()
    assert [e.time for e in entries] == sorted(e.time for e in entries)
    assert [e.subject for e in entries if e.subject != "all"] == written
    assert sum(count for e in entries for _, count in e.evidence) == tallied
