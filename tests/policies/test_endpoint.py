"""An endpoint: numbers inside, words outside."""

from meshlab.policies.endpoint import Endpoint, number_of, text_of


def test_names_and_zones_are_numbers_that_lead_back_to_their_texts() -> None:
    numbers = [number_of(text) for text in ("kühl", "cart-1", "kühl", "")]
    assert numbers[0] == numbers[2] != numbers[1]
    assert numbers[3] == 0
    assert [text_of(number) for number in numbers] == ["kühl", "cart-1", "kühl", ""]


def test_an_endpoint_begins_healthy_and_idle_and_shows_it() -> None:
    endpoint = Endpoint("cart-1", weight=2, zone="a")
    assert (endpoint.name, endpoint.weight, text_of(endpoint.zone)) == ("cart-1", 2, "a")
    assert repr(endpoint) == "Endpoint('cart-1', healthy, active=0)"
    endpoint.active = 3
    endpoint.healthy = False
    assert repr(endpoint) == "Endpoint('cart-1', unhealthy, active=3)"
    endpoint.ejected = True
    assert repr(endpoint) == "Endpoint('cart-1', ejected, active=3)"


def test_two_endpoints_of_one_name_are_two() -> None:
    one, other = Endpoint("cart-1"), Endpoint("cart-1")
    assert one != other
    assert len({one, other}) == 2
    assert (one.number, one.name_hash) == (other.number, other.name_hash)
