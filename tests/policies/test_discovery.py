"""Who is registered and who knows it yet: no news is lost, doubled, early or out of order."""

from collections.abc import Sequence
from functools import partial
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshlab.kernel.clock import ManualClock
from meshlab.kernel.engine import Engine
from meshlab.model import ConfigError
from meshlab.policies.discovery import Change, Delivery, ServiceRegistry

SERVICES = ("cart", "auth")


class World:
    """A registry, the engine that delivers its news, and what everyone saw and should have seen."""

    def __init__(self) -> None:
        self.engine = Engine()
        self.registry = ServiceRegistry(self.engine)
        self.members: dict[str, dict[str, Change]] = {service: {} for service in SERVICES}
        self.watches: list[Watch] = []

    def deliver(self, deliveries: list[Delivery]) -> None:
        for delivery in deliveries:
            self.engine.at(delivery.at, partial(delivery.watcher, delivery.change))

    def expect(self, change: Change) -> None:
        for watch in self.watches:
            if watch.service == change.service:
                watch.expected.append((change.time + watch.delay, change))

    def register(self, service: str, endpoint: str) -> None:
        if endpoint not in self.members[service]:
            change = Change(self.engine.now, service, endpoint, True)
            self.members[service][endpoint] = change
            self.expect(change)
        self.deliver(self.registry.register(service, endpoint))

    def deregister(self, service: str, endpoint: str) -> None:
        if self.members[service].pop(endpoint, None) is not None:
            self.expect(Change(self.engine.now, service, endpoint, False))
        self.deliver(self.registry.deregister(service, endpoint))

    def take(self, step: Sequence[Any]) -> None:
        """One step of a story: the verb, the service, and the endpoint or the delay."""
        verb, service, argument = step
        getattr(self, verb)(service, argument)

    def watch(self, service: str, delay: float) -> None:
        watch = Watch(self.engine, service, delay)
        self.watches.append(watch)
        known = self.members[service].values()
        watch.expected.extend((self.engine.now + delay, change) for change in known)
        self.deliver(self.registry.watch(service, delay, watch.told))


class Watch:
    def __init__(self, engine: Engine, service: str, delay: float) -> None:
        self.engine, self.service, self.delay = engine, service, delay
        self.seen: list[tuple[float, Change]] = []
        self.expected: list[tuple[float, Change]] = []

    def told(self, change: Change) -> None:
        self.seen.append((self.engine.now, change))

    def view(self) -> set[str]:
        """Who is there, as far as this watcher can tell."""
        there: set[str] = set()
        for _, change in self.seen:
            if change.added:
                assert change.endpoint not in there
                there.add(change.endpoint)
            else:
                there.remove(change.endpoint)
        return there


services = st.sampled_from(SERVICES)
endpoints = st.sampled_from(["1", "2", "3"])
times = st.floats(0, 10) | st.sampled_from([0.0, 0.5, 1.0])
steps = st.lists(
    st.one_of(
        st.tuples(times, st.just("register"), services, endpoints),
        st.tuples(times, st.just("deregister"), services, endpoints),
        st.tuples(times, st.just("watch"), services, times),
    ),
    max_size=40,
)


@given(steps)
def test_every_watcher_sees_every_change_once_in_order_and_its_delay_later(
    story: list[tuple[float, str, str, Any]],
) -> None:
    world = World()
    for time, *step in story:
        world.engine.at(time, partial(world.take, step))
    world.engine.run(until=100.0)
    for watch in world.watches:
        assert watch.seen == watch.expected
        assert watch.view() == set(world.members[watch.service])
        assert watch.view() == set(world.registry.members(watch.service))


@given(steps)
def test_a_removed_endpoint_is_not_seen_again_unless_it_registers_anew(
    story: list[tuple[float, str, str, Any]],
) -> None:
    world = World()
    for time, *step in sorted(story, key=lambda step: step[0]):
        world.engine.run(until=time)
        world.take(step)
    world.engine.run(until=100.0)
    for watch in world.watches:
        gone: dict[str, float] = {}
        for _, change in watch.seen:
            if change.added:
                assert change.time >= gone.get(change.endpoint, 0.0)
            else:
                gone[change.endpoint] = change.time


def nobody(change: Change) -> None:
    raise AssertionError(f"the registry itself must call nobody, called with {change}")


def test_each_watcher_has_its_own_delay_and_the_registry_calls_nobody() -> None:
    clock = ManualClock(5.0)
    registry = ServiceRegistry(clock)
    near, far = partial(nobody), partial(nobody)
    assert registry.watch("cart", 0.2, near) == registry.watch("cart", 3.0, far) == []
    change = Change(5.0, "cart", "cart-1", True)
    told = [Delivery(5.2, near, change), Delivery(8.0, far, change)]
    assert registry.register("cart", "cart-1") == told


def test_a_new_watcher_is_first_told_who_is_there_with_the_times_at_which_they_came() -> None:
    clock = ManualClock()
    registry = ServiceRegistry(clock)
    registry.register("cart", "cart-1")
    clock.advance(1.0)
    registry.register("cart", "cart-2")
    registry.register("auth", "auth-1")
    clock.advance(1.0)
    assert registry.watch("cart", 0.5, nobody) == [
        Delivery(2.5, nobody, Change(0.0, "cart", "cart-1", True)),
        Delivery(2.5, nobody, Change(1.0, "cart", "cart-2", True)),
    ]


def test_registering_twice_or_leaving_twice_is_no_news() -> None:
    registry = ServiceRegistry(ManualClock())
    registry.watch("cart", 0.0, nobody)
    assert [len(registry.register("cart", "cart-1")) for _ in range(2)] == [1, 0]
    assert [len(registry.deregister("cart", "cart-1")) for _ in range(2)] == [1, 0]
    assert registry.deregister("unheard of", "x-1") == []
    assert registry.members("unheard of") == registry.members("cart") == []


def test_an_instance_that_does_not_renew_its_lease_is_removed() -> None:
    clock = ManualClock()
    registry = ServiceRegistry(clock, ttl=90.0)
    registry.watch("cart", 1.0, nobody)
    registry.register("cart", "quiet")
    registry.register("cart", "alive")
    clock.advance(60.0)
    assert registry.register("cart", "alive") == []
    clock.advance(30.0)
    assert registry.expire() == []  # exactly 90 s is not longer than 90 s
    clock.advance(1.0)
    assert registry.expire() == [Delivery(92.0, nobody, Change(91.0, "cart", "quiet", False))]
    assert registry.expire() == []
    assert registry.members("cart") == ["alive"]


def test_without_a_ttl_a_registration_lasts() -> None:
    clock = ManualClock()
    registry = ServiceRegistry(clock)
    registry.register("cart", "cart-1")
    clock.advance(1e9)
    assert registry.expire() == []
    assert registry.members("cart") == ["cart-1"]


@pytest.mark.parametrize("delay", [-1.0, float("nan"), float("inf")])
def test_a_delay_is_finite_and_not_negative(delay: float) -> None:
    registry = ServiceRegistry(ManualClock())
    with pytest.raises(ConfigError, match="watch on 'cart': delay must be a finite number >= 0 s"):
        registry.watch("cart", delay, nobody)


@pytest.mark.parametrize("ttl", [0.0, -1.0, float("nan")])
def test_a_ttl_is_positive(ttl: float) -> None:
    with pytest.raises(ConfigError, match="service registry: ttl must be > 0 s or None, got"):
        ServiceRegistry(ManualClock(), ttl)
