"""Who may act: cooperatives, farmers, inspectors and the others, by their codes."""

from typing import Annotated, Literal

from fastapi import APIRouter, Path

from yuanliu import actions
from yuanliu.actions import Role
from yuanliu.errors import YuanliuError
from yuanliu.index import queries as q
from yuanliu.web.acting import Acts
from yuanliu.web.problems import documented
from yuanliu.web.routes.batches import After, Limit, after_place, cursor
from yuanliu.web.services import Copy
from yuanliu.web.shapes import Address, Input, IntentionView, Page, Reason
from yuanliu.web.views import ActorEventView, ActorView

router = APIRouter(tags=["people"], responses=documented(400, 422, 503))
REFUSALS = documented(401, 403, 404, 409)

RoleName = Literal[
    "platform", "cooperative", "farmer", "inspector", "carrier", "retailer", "regulator"
]
Code = Annotated[str, Path(min_length=1, max_length=16, examples=["H-0042"])]
ActorAddress = Annotated[Address, Path(description="The actor's address.")]


class WithReason(Input):
    """An act that has to say why."""

    reason: Reason


class Payout(Input):
    """Where money goes from now on."""

    payout: Address


def known(db: Copy, address: str) -> q.Actor:
    """Give an actor. Raises `YuanliuError` (`actor.unknown`)."""
    return _found(q.actor(db, address), address)


def _found(actor: q.Actor | None, name: str) -> q.Actor:
    if actor is None:
        raise YuanliuError(
            "actor.unknown",
            f"nobody is enrolled as {name}",
            hint="compare the address or the code",
            fields={"actor": name},
        )
    return actor


@router.get("/actors")
def list_actors(
    db: Copy,
    *,
    role: RoleName | None = None,
    enroller: Address | None = None,
    after: After = None,
    limit: Limit = 50,
) -> Page[ActorView]:
    """List who may act, newest first."""
    return _page(db, role, enroller, after, limit)


@router.get("/cooperatives")
def list_cooperatives(db: Copy, after: After = None, limit: Limit = 50) -> Page[ActorView]:
    """List the cooperatives, newest first."""
    return _page(db, "cooperative", None, after, limit)


@router.get("/cooperatives/{cooperative}/farmers", responses=documented(404))
def list_farmers(
    cooperative: Annotated[Address, Path()], db: Copy, after: After = None, limit: Limit = 50
) -> Page[ActorView]:
    """List a cooperative's farmers by their codes, newest first."""
    known(db, cooperative)
    return _page(db, "farmer", cooperative, after, limit)


@router.get("/cooperatives/{cooperative}/farmers/{code}", responses=documented(404))
def show_farmer(cooperative: Annotated[Address, Path()], code: Code, db: Copy) -> ActorView:
    """Give a farmer by the code that his cooperative gave him."""
    return ActorView.of(_found(q.actor_by_code(db, cooperative, code), code))


@router.get("/actors/{actor}", responses=documented(404))
def show_actor(actor: ActorAddress, db: Copy) -> ActorView:
    """Give an actor."""
    return ActorView.of(known(db, actor))


@router.get("/actors/{actor}/history", responses=documented(404))
def show_actor_history(actor: ActorAddress, db: Copy) -> list[ActorEventView]:
    """Give what happened to an actor, oldest first: enrolment, keys, suspension, payout addresses."""
    known(db, actor)
    return [ActorEventView.of(row) for row in q.actor_history(db, actor)]


@router.post("/actors/{actor}/suspension", status_code=201, responses=REFUSALS)
def suspend(actor: ActorAddress, body: WithReason, acts: Acts) -> IntentionView:
    """Stop an actor from writing; by whoever enrolled it, or a regulator. Payouts go on."""
    call = actions.suspend(acts.wired.deployment, actor, body.reason)
    return acts.carry_out(call, "suspend", {"actor": actor})


@router.post("/actors/{actor}/reinstatement", status_code=201, responses=REFUSALS)
def reinstate(actor: ActorAddress, body: WithReason, acts: Acts) -> IntentionView:
    """Let a suspended actor write again; by whoever suspended it, or a regulator."""
    call = actions.reinstate(acts.wired.deployment, actor, body.reason)
    return acts.carry_out(call, "reinstate", {"actor": actor})


@router.post("/payout-address", status_code=201, responses=REFUSALS)
def redirect_payout(body: Payout, acts: Acts) -> IntentionView:
    """Send one's own future payouts elsewhere."""
    call = actions.redirect_payout(acts.wired.deployment, body.payout)
    return acts.carry_out(call, "redirect_payout", {"payout": body.payout})


def _page(
    db: Copy, role: RoleName | None, enroller: str | None, after: str | None, limit: int
) -> Page[ActorView]:
    rows = q.actors(
        db,
        role=None if role is None else int(Role[role.upper()]),
        enroller=enroller,
        after=after_place(after),
        limit=limit,
    )
    return Page(items=[ActorView.of(row) for row in rows], next=cursor(rows, limit))
