"""Products and the terms of sharing."""

from typing import Annotated

from fastapi import APIRouter, Path
from pydantic import Field

from yuanliu import actions, money
from yuanliu.errors import YuanliuError
from yuanliu.index import queries as q
from yuanliu.web.acting import Acts
from yuanliu.web.problems import documented
from yuanliu.web.routes.batches import After, Limit, after_place, cursor
from yuanliu.web.services import Copy
from yuanliu.web.shapes import Address, Gtin, Input, IntentionView, MoneyIn, Page
from yuanliu.web.views import ProductView, TermsView

router = APIRouter(tags=["catalogue"], responses=documented(400, 422, 503))
REFUSALS = documented(401, 403, 404, 409)
BasisPoints = Annotated[int, Field(ge=0, le=10_000)]
ProductGtin = Annotated[Gtin, Path(description="The product's GTIN.")]


class ProductIn(Input):
    """A product to list. A platform does so, after it has seen the cooperative's GS1 licence."""

    gtin: Gtin
    cooperative: Address
    unit: str = Field(min_length=2, max_length=3, examples=["KGM", "H87"])


class TermsIn(Input):
    """Terms to publish. The ratios share the margin, what a price is above the floor, and sum to 10,000."""

    farmer_bps: BasisPoints = Field(examples=[3333])
    cooperative_bps: BasisPoints = Field(examples=[5000])
    platform_bps: BasisPoints = Field(examples=[1667])
    floor_per_unit: MoneyIn
    cooperative_payee: Address
    platform_payee: Address
    token: Address | None = Field(None, description="None: the demo money of a devnet.")


class TokenIn(Input):
    """A token that terms may name from now on, or no longer."""

    token: Address
    listed: bool = True


@router.get("/products")
def list_products(
    db: Copy, cooperative: Address | None = None, after: After = None, limit: Limit = 50
) -> Page[ProductView]:
    """List products, newest first."""
    rows = q.products(db, cooperative=cooperative, after=after_place(after), limit=limit)
    return Page(items=[ProductView.of(row) for row in rows], next=cursor(rows, limit))


@router.get("/products/{gtin}", responses=documented(404))
def show_product(gtin: ProductGtin, db: Copy) -> ProductView:
    """Give a product."""
    found = q.product(db, gtin)
    if found is None:
        raise YuanliuError(
            "product.unknown",
            f"no product has the GTIN {gtin}",
            hint="compare the number below the bar code",
            fields={"gtin": gtin},
        )
    return ProductView.of(found)


@router.get("/products/{gtin}/terms", responses=documented(404))
def list_terms(gtin: ProductGtin, db: Copy) -> list[TermsView]:
    """Give all terms that were published for a product, newest first."""
    show_product(gtin, db)
    return [TermsView.of(row) for row in q.terms_of(db, gtin)]


@router.get("/terms/{number}", responses=documented(404))
def show_terms(number: Annotated[int, Path(ge=1, lt=1 << 32)], db: Copy) -> TermsView:
    """Give terms by their number."""
    found = q.terms(db, number)
    if found is None:
        raise YuanliuError(
            "terms.unknown",
            f"there are no terms {number}",
            hint="compare the number on the batch or delivery",
            fields={"terms": number},
        )
    return TermsView.of(found)


@router.post("/products", status_code=201, responses=REFUSALS)
def list_product(body: ProductIn, acts: Acts) -> IntentionView:
    """List a product of a cooperative; by a platform, once and for all."""
    call = actions.list_product(acts.wired.deployment, body.gtin, body.cooperative, body.unit)
    return acts.carry_out(call, "list_product", {"gtin": body.gtin})


@router.post("/products/{gtin}/terms", status_code=201, responses=REFUSALS)
def publish_terms(gtin: ProductGtin, body: TermsIn, acts: Acts) -> IntentionView:
    """Publish terms for deliveries from now on; by the cooperative's terms authority."""
    d = acts.wired.deployment
    terms = actions.Terms(
        token=body.token or d.demo_yuan.address,
        ratios=money.Ratios(body.farmer_bps, body.cooperative_bps, body.platform_bps),
        cooperative_payee=body.cooperative_payee,
        floor_per_unit=body.floor_per_unit.amount,
        platform_payee=body.platform_payee,
    )
    return acts.carry_out(actions.publish_terms(d, gtin, terms), "publish_terms", {"gtin": gtin})


@router.post("/tokens-of-payment", status_code=201, responses=REFUSALS)
def list_token(body: TokenIn, acts: Acts) -> IntentionView:
    """Allow or stop allowing a token in terms from now on; by a platform."""
    call = actions.list_token(acts.wired.deployment, body.token, listed=body.listed)
    return acts.carry_out(call, "list_token", {"token": body.token, "listed": body.listed})
