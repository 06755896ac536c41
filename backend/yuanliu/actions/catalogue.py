"""Products, tokens, and the terms of sharing."""

from dataclasses import dataclass

from yuanliu import identifiers, money
from yuanliu.actions.values import gtin_number
from yuanliu.chain.bindings import Call
from yuanliu.chain.deployment import Deployment


@dataclass(frozen=True)
class Terms:
    """Terms of sharing for a product. `floor_per_unit` is in the token's smallest unit (fen for yuan)."""

    token: str
    ratios: money.Ratios
    cooperative_payee: str
    floor_per_unit: int
    platform_payee: str


def list_token(d: Deployment, token: str, *, listed: bool = True) -> Call:
    """Allow a token in terms published from now on."""
    return d.catalogue.call("listToken", token, listed)


def list_product(d: Deployment, gtin: str, cooperative: str, unit: str) -> Call:
    """Enter a cooperative's product. Raises `IdentifierError`."""
    return d.catalogue.call(
        "listProduct", gtin_number(gtin), cooperative, identifiers.parse_unit(unit).encode()
    )


def publish_terms(d: Deployment, gtin: str, terms: Terms) -> Call:
    """Publish terms for deliveries from now on. Raises `IdentifierError`."""
    ratios = terms.ratios
    return d.catalogue.call(
        "publishTerms",
        gtin_number(gtin),
        (
            terms.token,
            ratios.farmer_bps,
            ratios.cooperative_bps,
            ratios.platform_bps,
            terms.cooperative_payee,
            terms.floor_per_unit,
            terms.platform_payee,
        ),
    )


def set_terms_authority(d: Deployment, cooperative: str, authority: str) -> Call:
    """Hand the right to publish a cooperative's terms to somebody, such as the members' ballot."""
    return d.catalogue.call("setTermsAuthority", cooperative, authority)
