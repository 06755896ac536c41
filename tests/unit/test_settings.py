"""Addresses that are written from the settings."""

import pytest

from yuanliu.settings import Settings


@pytest.mark.parametrize(
    ("host", "written"),
    [
        ("127.0.0.1", "http://127.0.0.1:8080"),
        ("::1", "http://[::1]:8080"),
        ("fd00::7", "http://[fd00::7]:8080"),
        ("shop.example.org", "http://shop.example.org:8080"),
    ],
)
def test_an_ipv6_address_stands_in_brackets(host: str, written: str) -> None:
    config = Settings(host=host, port=8080)
    assert config.address == config.public_url == written
    assert Settings(host=host, public_url="https://example.org").public_url == "https://example.org"


@pytest.mark.parametrize("days", ["0", "29", "-1", "soon"])
def test_finished_requests_are_kept_for_a_month_at_least(
    monkeypatch: pytest.MonkeyPatch, days: str
) -> None:
    monkeypatch.setenv("YUANLIU_KEEP_DAYS", days)
    with pytest.raises(ValueError, match="keep_days"):
        Settings()


def test_the_nodes_that_phones_ask_are_listed_with_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    assert Settings(rpc_url="http://10.0.0.1:1").public_rpc_urls == ("http://10.0.0.1:1",)
    monkeypatch.setenv("YUANLIU_PUBLIC_RPC_URLS", " https://a.example , http://b.example:8545,")
    assert Settings().public_rpc_urls == ("https://a.example", "http://b.example:8545")
    monkeypatch.setenv("YUANLIU_PUBLIC_RPC_URLS", "https://a.example,javascript:alert(1)")
    with pytest.raises(ValueError, match="no address of a node: javascript"):
        Settings()
