"""Who may act, and as what: `contracts/interfaces/IActors.sol`, requirement by requirement."""

import pytest
from tests.world import CONSENT, ZERO, Person, Role, World, code, person, refused

from yuanliu.chain import keys, relay

pytestmark = pytest.mark.node

DELAY = 7 * 24 * 3600
SOMEBODY = person("somebody new")
NEW_KEY = person("a new key")
ALL = 127
NOBODY, CLERK, OWNER, RETIRED = range(4)

ENROLLABLE = {
    "platform": Role.PLATFORM | Role.COOPERATIVE | Role.CARRIER | Role.RETAILER,
    "regulator": Role.REGULATOR | Role.INSPECTOR,
    "coop": Role.FARMER,
    "clerk": Role.FARMER,
    "farmer": 0,
    "inspector": 0,
    "carrier": 0,
    "retailer": 0,
    "outsider": 0,
}


def who(world: World, name: str) -> Person:
    found: Person = getattr(world, name)
    return found


# ------------------------------------------------------------------ enrolment


@pytest.mark.parametrize("role", list(Role))
@pytest.mark.parametrize("name", list(ENROLLABLE))
def test_each_role_is_enrolled_by_the_one_whose_task_it_is(
    world: World, name: str, role: Role
) -> None:
    by, enrollable = who(world, name), ENROLLABLE[name]
    if role & enrollable:
        world.enrol(by, SOMEBODY, role)
        assert world.ask(world.actors, "resolve", SOMEBODY.address)[1] == role
    else:
        with refused("Actors_RolesNotEnrollable", roles=role, enrollable=enrollable):
            world.enrol(by, SOMEBODY, role)


@pytest.mark.parametrize("roles", [0, 128, 1 << 15, Role.CARRIER | Role.FARMER, ALL])
def test_no_roles_unknown_roles_and_a_mixture_with_foreign_ones_are_refused(
    world: World, roles: int
) -> None:
    with refused("Actors_RolesNotEnrollable", roles=roles):
        world.enrol(world.platform, SOMEBODY, roles)


def test_several_roles_may_be_given_at_once_and_each_lets_enrol_its_own(world: World) -> None:
    world.enrol(world.platform, SOMEBODY, Role.PLATFORM | Role.COOPERATIVE)
    world.enrol(SOMEBODY, person("his farmer"), Role.FARMER)
    world.enrol(SOMEBODY, person("his carrier"), Role.CARRIER)
    with refused("Actors_RolesNotEnrollable"):
        world.enrol(SOMEBODY, person("his inspector"), Role.INSPECTOR)


def test_the_record_says_who_enrolled_whom_as_what_and_which_key_signed(world: World) -> None:
    receipt = world.enrol(world.clerk, SOMEBODY, Role.FARMER, "A-17")
    (event,) = world.actors.events(receipt.logs)
    assert event.name == "ActorEnrolled"
    assert event.fields == {
        "actor": SOMEBODY.address,
        "enroller": world.coop.address,
        "roles": Role.FARMER,
        "code": code("A-17"),
        "signer": world.clerk.address,
    }
    assert world.ask(world.actors, "actorOf", SOMEBODY.address) == {
        "key": SOMEBODY.address,
        "roles": Role.FARMER,
        "suspended": False,
        "enrolledAt": world.now,
        "enroller": world.coop.address,
        "suspendedBy": ZERO,
        "code": code("A-17"),
    }
    assert world.ask(world.actors, "byCode", world.coop.address, code("A-17")) == SOMEBODY.address


@pytest.mark.parametrize("name", ["F0", "x" * 16, "!~", "a"])
def test_codes_of_1_to_16_printable_characters_are_taken(world: World, name: str) -> None:
    world.enrol(world.platform, SOMEBODY, Role.CARRIER, name)


@pytest.mark.parametrize(
    "raw",
    [b"", b"a b", b" a", b"a\0b", b"\x7f", b"\x1f", "户".encode(), b"\0a"],
    ids=["empty", "blank inside", "blank first", "gap", "DEL", "control", "no ASCII", "late"],
)
def test_codes_that_are_empty_not_printable_or_have_a_gap_are_refused(
    world: World, raw: bytes
) -> None:
    padded = raw.ljust(16, b"\0")
    with refused("Actors_CodeInvalid", code=padded):
        world.act(world.coop, world.actors, "enrol", SOMEBODY.address, int(Role.FARMER), padded)


def test_a_code_is_one_actors_with_its_enroller_and_free_with_another(world: World) -> None:
    with refused("Actors_CodeTaken", code=code("F0"), actor=world.farmer):
        world.enrol(world.coop, SOMEBODY, Role.FARMER, "F0")
    with refused("Actors_CodeTaken", actor=world.farmer):
        world.enrol(world.clerk, SOMEBODY, Role.FARMER, "F0")
    world.enrol(world.platform, SOMEBODY, Role.CARRIER, "F0")


def test_a_key_that_signs_or_signed_for_somebody_cannot_be_enrolled(world: World) -> None:
    for taken, actor in ((world.farmer, world.farmer), (world.clerk, world.coop)):
        with refused("Actors_KeyTaken", key=taken, actor=actor):
            world.enrol(world.coop2, taken, Role.FARMER)
    world.act(world.farmer, world.actors, "rotateKey", NEW_KEY.address)
    world.act(world.coop, world.actors, "dismissClerk", world.clerk.address)
    for retired in (world.farmer, world.clerk, NEW_KEY):
        with refused("Actors_KeyTaken", key=retired):
            world.enrol(world.coop2, retired, Role.FARMER)


def test_nobody_is_enrolled_under_the_zero_address(world: World) -> None:
    with refused("Actors_ZeroAddress"):
        world.enrol(world.coop, ZERO, Role.FARMER)


def test_a_suspended_actor_enrols_nobody(world: World) -> None:
    world.act(world.platform, world.actors, "suspend", world.coop.address, "books not kept")
    for key in (world.coop, world.clerk):
        with refused("Actors_Suspended", actor=world.coop):
            world.enrol(key, SOMEBODY, Role.FARMER)


def test_who_was_never_enrolled_acts_for_himself_without_roles(world: World) -> None:
    assert world.ask(world.actors, "resolve", world.outsider.address) == (
        world.outsider.address,
        0,
    )
    assert world.ask(world.actors, "payoutOf", world.outsider.address) == world.outsider.address
    assert world.ask(world.actors, "keyOf", world.outsider.address) == (ZERO, NOBODY)
    assert world.ask(world.actors, "actorOf", world.outsider.address)["roles"] == 0


# ------------------------------------------------------------------ suspension


@pytest.mark.parametrize("by", ["coop", "clerk", "regulator"])
def test_its_enroller_or_a_regulator_suspends_an_actor_and_lets_it_write_again(
    world: World, by: str
) -> None:
    receipt = world.act(who(world, by), world.actors, "suspend", world.farmer.address, "残留超标")
    (event,) = world.actors.events(receipt.logs)
    actor = world.regulator if by == "regulator" else world.coop
    assert event.name == "ActorSuspended"
    assert event.fields == {
        "actor": world.farmer.address,
        "by": actor.address,
        "reason": "残留超标",
    }
    with refused("Actors_Suspended", actor=world.farmer):
        world.ask(world.actors, "resolve", world.farmer.address)
    receipt = world.act(who(world, by), world.actors, "reinstate", world.farmer.address, "复检合格")
    (event,) = world.actors.events(receipt.logs)
    assert event.name == "ActorReinstated"
    assert event.fields["by"] == actor.address
    assert world.ask(world.actors, "resolve", world.farmer.address)[1] == Role.FARMER


@pytest.mark.parametrize("by", ["platform", "coop2", "farmer", "inspector", "outsider"])
def test_nobody_else_suspends_or_reinstates(world: World, by: str) -> None:
    with refused("Actors_NotSupervisor", actor=world.farmers[1], by=who(world, by)):
        world.act(who(world, by), world.actors, "suspend", world.farmers[1].address, "x")
    world.act(world.coop, world.actors, "suspend", world.farmers[1].address, "x")
    with refused("Actors_NotSupervisor", actor=world.farmers[1], by=who(world, by)):
        world.act(who(world, by), world.actors, "reinstate", world.farmers[1].address, "x")


def test_what_a_regulator_suspended_only_a_regulator_reinstates(world: World) -> None:
    world.act(world.regulator, world.actors, "suspend", world.farmer.address, "x")
    with refused("Actors_NotSupervisor", by=world.coop):
        world.act(world.coop, world.actors, "reinstate", world.farmer.address, "x")
    world.act(world.regulator, world.actors, "reinstate", world.farmer.address, "x")
    world.act(world.coop, world.actors, "suspend", world.farmer.address, "x")
    world.act(world.regulator, world.actors, "reinstate", world.farmer.address, "x")


def test_twice_suspended_never_suspended_and_unknown_actors_are_refused(world: World) -> None:
    with refused("Actors_SuspensionUnchanged", actor=world.farmer, suspended=False):
        world.act(world.regulator, world.actors, "reinstate", world.farmer.address, "x")
    world.act(world.coop, world.actors, "suspend", world.farmer.address, "x")
    with refused("Actors_SuspensionUnchanged", actor=world.farmer, suspended=True):
        world.act(world.regulator, world.actors, "suspend", world.farmer.address, "x")
    for function in ("suspend", "reinstate"):
        with refused("Actors_Unknown", actor=world.outsider):
            world.act(world.regulator, world.actors, function, world.outsider.address, "x")


@pytest.mark.parametrize("size", [0, 513])
def test_a_reason_has_1_to_512_bytes(world: World, size: int) -> None:
    with refused("Actors_ReasonInvalid", length=size):
        world.act(world.coop, world.actors, "suspend", world.farmer.address, "x" * size)
    world.act(world.coop, world.actors, "suspend", world.farmer.address, "x" * 512)
    with refused("Actors_ReasonInvalid", length=size):
        world.act(world.coop, world.actors, "reinstate", world.farmer.address, "x" * size)


def test_suspending_a_cooperative_stops_its_clerks_and_reinstating_starts_them(
    world: World,
) -> None:
    world.act(world.platform, world.actors, "suspend", world.coop.address, "x")
    late = person("late clerk")
    world.act(world.coop, world.actors, "appointClerk", late.address)
    for key in (world.coop, world.clerk, late):
        with refused("Actors_Suspended", actor=world.coop):
            world.book((world.farmer, 1), by=key)
    world.act(world.platform, world.actors, "reinstate", world.coop.address, "x")
    for key in (world.coop, world.clerk, late):
        world.book((world.farmer, 1), by=key)


def test_a_suspended_actor_still_looks_after_its_keys_and_its_payout(world: World) -> None:
    world.act(world.coop, world.actors, "suspend", world.farmer.address, "x")
    world.act(world.farmer, world.actors, "rotateKey", NEW_KEY.address)
    world.act(NEW_KEY, world.actors, "redirectPayout", SOMEBODY.address)
    with refused("Actors_Suspended", actor=world.farmer):
        world.ask(world.actors, "resolve", NEW_KEY.address)
    world.act(world.coop, world.actors, "proposeRecovery", world.farmer.address, "0x" + "9" * 40)
    world.act(NEW_KEY, world.actors, "cancelRecovery", world.farmer.address)


# ------------------------------------------------------------------ clerks


def test_a_clerk_signs_for_the_cooperative_until_dismissed_and_then_never_again(
    world: World,
) -> None:
    assert world.ask(world.actors, "keyOf", world.clerk.address) == (world.coop.address, CLERK)
    receipts = world.book((world.farmer, 1_000), by=world.clerk)
    assert world.ask(world.deliveries, "deliveryOf", world.coop.address, receipts[0])["status"]
    receipt = world.act(world.coop, world.actors, "dismissClerk", world.clerk.address)
    assert [e.name for e in world.actors.events(receipt.logs)] == ["ClerkDismissed"]
    with refused("Actors_KeyRetired", key=world.clerk):
        world.book((world.farmer, 1_000), by=world.clerk)
    with refused("Actors_KeyTaken", key=world.clerk):
        world.act(world.coop, world.actors, "appointClerk", world.clerk.address)
    with refused("Actors_NotClerk", cooperative=world.coop, key=world.clerk):
        world.act(world.coop, world.actors, "dismissClerk", world.clerk.address)


def test_a_clerk_may_not_touch_keys_clerks_terms_or_payouts(world: World) -> None:
    for function in ("appointClerk", "dismissClerk", "rotateKey", "redirectPayout"):
        with refused("Actors_OwnerKeyNeeded", actor=world.coop, key=world.clerk):
            world.act(world.clerk, world.actors, function, SOMEBODY.address)
    with refused("Actors_OwnerKeyNeeded", actor=world.coop, key=world.clerk):
        world.publish(6901234567892, world.terms(3_000, 4_000, 3_000), by=world.clerk)
    with refused("Actors_OwnerKeyNeeded", actor=world.coop, key=world.clerk):
        world.act(
            world.clerk,
            world.catalogue,
            "setTermsAuthority",
            world.coop.address,
            world.clerk.address,
        )


def test_only_cooperatives_have_clerks_and_only_their_own_may_be_dismissed(world: World) -> None:
    for by in (world.platform, world.farmer, world.carrier, world.regulator):
        with refused("Actors_RoleMissing", actor=by, needed=Role.COOPERATIVE):
            world.act(by, world.actors, "appointClerk", SOMEBODY.address)
    for function in ("appointClerk", "dismissClerk", "rotateKey", "redirectPayout"):
        with refused("Actors_Unknown", actor=world.outsider):
            world.act(world.outsider, world.actors, function, SOMEBODY.address)
    with refused("Actors_NotClerk", cooperative=world.coop2, key=world.clerk):
        world.act(world.coop2, world.actors, "dismissClerk", world.clerk.address)
    with refused("Actors_NotClerk", key=world.coop):
        world.act(world.coop, world.actors, "dismissClerk", world.coop.address)


def test_a_clerks_key_is_new_and_not_zero(world: World) -> None:
    with refused("Actors_KeyTaken", key=world.farmer, actor=world.farmer):
        world.act(world.coop, world.actors, "appointClerk", world.farmer.address)
    with refused("Actors_ZeroAddress"):
        world.act(world.coop, world.actors, "appointClerk", ZERO)


def test_a_cooperative_has_at_most_100_clerks(world: World) -> None:
    for i in range(1, 100):
        world.act(world.coop, world.actors, "appointClerk", f"0x{i + 0x1000:040x}")
    with refused("Actors_TooManyClerks", cooperative=world.coop, maximum=100):
        world.act(world.coop, world.actors, "appointClerk", SOMEBODY.address)
    world.act(world.coop, world.actors, "dismissClerk", f"0x{0x1001:040x}")
    world.act(world.coop, world.actors, "appointClerk", SOMEBODY.address)
    receipt = world.act(world.platform, world.actors, "suspend", world.coop.address, "x")
    assert receipt.gas < 1_000_000
    with refused("Actors_Suspended"):
        world.ask(world.actors, "resolve", SOMEBODY.address)


# ------------------------------------------------------------------ rotation and recovery


def test_a_rotated_key_stands_for_the_same_actor_and_the_old_one_for_nobody(
    world: World,
) -> None:
    receipt = world.act(world.coop, world.actors, "rotateKey", NEW_KEY.address)
    assert [e.name for e in world.actors.events(receipt.logs)] == [
        "KeyRotated",
        "PayoutRedirected",
    ]
    assert world.ask(world.actors, "resolve", NEW_KEY.address) == (
        world.coop.address,
        Role.COOPERATIVE,
    )
    assert world.ask(world.actors, "keyOf", world.coop.address) == (world.coop.address, RETIRED)
    assert world.ask(world.actors, "actorOf", world.coop.address)["key"] == NEW_KEY.address
    world.book((world.farmer, 1_000), by=NEW_KEY)
    world.book((world.farmer, 1_000), by=world.clerk)
    with refused("Actors_KeyRetired", key=world.coop):
        world.book((world.farmer, 1_000), by=world.coop)
    with refused("Actors_KeyRetired", key=world.coop):
        world.act(world.coop, world.actors, "rotateKey", SOMEBODY.address)


def test_a_rotated_key_must_be_new_and_not_zero(world: World) -> None:
    for taken in (world.farmer, world.clerk, world.coop2):
        with refused("Actors_KeyTaken", key=taken):
            world.act(world.farmer, world.actors, "rotateKey", taken.address)
    with refused("Actors_ZeroAddress"):
        world.act(world.farmer, world.actors, "rotateKey", ZERO)


def test_the_payout_follows_the_key_unless_it_was_redirected(world: World) -> None:
    def payout() -> str:
        return str(world.ask(world.actors, "payoutOf", world.farmer.address))

    third = person("a third key")
    assert payout() == world.farmer.address
    world.act(world.farmer, world.actors, "rotateKey", NEW_KEY.address)
    assert payout() == NEW_KEY.address
    world.act(NEW_KEY, world.actors, "redirectPayout", SOMEBODY.address)
    assert payout() == SOMEBODY.address
    world.act(NEW_KEY, world.actors, "rotateKey", third.address)
    assert payout() == SOMEBODY.address
    world.act(third, world.actors, "redirectPayout", third.address)
    world.act(third, world.actors, "rotateKey", person("a fourth key").address)
    assert payout() == person("a fourth key").address
    with refused("Actors_ZeroAddress"):
        world.act(person("a fourth key"), world.actors, "redirectPayout", ZERO)
    assert world.ask(world.actors, "payoutsOf", [world.farmer.address, world.outsider.address]) == (
        person("a fourth key").address,
        world.outsider.address,
    )


def test_a_lost_key_is_replaced_by_the_enroller_after_the_waiting_time(world: World) -> None:
    assert world.ask(world.actors, "RECOVERY_DELAY") == DELAY
    receipt = world.act(
        world.coop, world.actors, "proposeRecovery", world.farmer.address, NEW_KEY.address
    )
    ready = world.now + DELAY
    (event,) = world.actors.events(receipt.logs)
    assert event.name == "RecoveryProposed"
    assert event.fields["readyAt"] == ready
    with refused("Actors_RecoveryNotReady", actor=world.farmer, readyAt=ready):
        world.act(world.outsider, world.actors, "completeRecovery", world.farmer.address)
    world.wait(DELAY - 10)
    with refused("Actors_RecoveryNotReady", actor=world.farmer, readyAt=ready):
        world.act(world.outsider, world.actors, "completeRecovery", world.farmer.address)
    world.wait(10)
    world.act(world.outsider, world.actors, "completeRecovery", world.farmer.address)
    assert world.ask(world.actors, "resolve", NEW_KEY.address)[0] == world.farmer.address
    assert world.ask(world.actors, "payoutOf", world.farmer.address) == NEW_KEY.address
    with refused("Actors_KeyRetired", key=world.farmer):
        world.ask(world.actors, "resolve", world.farmer.address)
    with refused("Actors_RecoveryNotReady", readyAt=0):
        world.act(world.outsider, world.actors, "completeRecovery", world.farmer.address)


@pytest.mark.parametrize("by", ["farmer", "coop", "clerk", "regulator"])
def test_a_recovery_is_cancelled_by_owner_enroller_or_regulator(world: World, by: str) -> None:
    propose = (world.actors, "proposeRecovery", world.farmer.address, NEW_KEY.address)
    world.act(world.coop, *propose)
    receipt = world.act(who(world, by), world.actors, "cancelRecovery", world.farmer.address)
    assert [e.name for e in world.actors.events(receipt.logs)] == ["RecoveryCancelled"]
    world.wait(DELAY)
    with refused("Actors_RecoveryNotReady", readyAt=0):
        world.act(world.outsider, world.actors, "completeRecovery", world.farmer.address)
    with refused("Actors_RecoveryNotReady", readyAt=0):
        world.act(who(world, by), world.actors, "cancelRecovery", world.farmer.address)


@pytest.mark.parametrize("by", ["farmer", "platform", "regulator", "coop2", "outsider"])
def test_only_the_enroller_proposes_a_recovery(world: World, by: str) -> None:
    error = "Actors_Unknown" if by == "outsider" else "Actors_NotSupervisor"
    with refused(error):
        world.act(
            who(world, by),
            world.actors,
            "proposeRecovery",
            world.farmers[1].address,
            NEW_KEY.address,
        )


def test_others_cancel_no_recovery_and_there_is_none_of_the_unknown(world: World) -> None:
    world.act(world.coop, world.actors, "proposeRecovery", world.farmer.address, NEW_KEY.address)
    for by in (world.farmers[1], world.platform, world.coop2, world.outsider, NEW_KEY):
        with refused("Actors_NotSupervisor", actor=world.farmer, by=by):
            world.act(by, world.actors, "cancelRecovery", world.farmer.address)
    world.act(world.platform, world.actors, "proposeRecovery", world.coop.address, SOMEBODY.address)
    with refused("Actors_NotSupervisor", actor=world.coop, by=world.coop):
        world.act(world.clerk, world.actors, "cancelRecovery", world.coop.address)
    for function, more in (("cancelRecovery", ()), ("proposeRecovery", (NEW_KEY.address,))):
        with refused("Actors_Unknown", actor=world.outsider):
            world.act(world.coop, world.actors, function, world.outsider.address, *more)


def test_a_second_proposal_replaces_the_first_and_starts_the_wait_anew(world: World) -> None:
    propose = (world.actors, "proposeRecovery", world.farmer.address)
    world.act(world.coop, *propose, NEW_KEY.address)
    world.wait(DELAY - 60)
    world.act(world.coop, *propose, SOMEBODY.address)
    world.wait(120)
    with refused("Actors_RecoveryNotReady"):
        world.act(world.outsider, world.actors, "completeRecovery", world.farmer.address)
    world.wait(DELAY)
    world.act(world.outsider, world.actors, "completeRecovery", world.farmer.address)
    assert world.ask(world.actors, "resolve", SOMEBODY.address)[0] == world.farmer.address
    assert world.ask(world.actors, "keyOf", NEW_KEY.address) == (ZERO, NOBODY)


def test_an_owner_who_finds_his_key_rotates_and_ends_the_recovery(world: World) -> None:
    world.act(world.coop, world.actors, "proposeRecovery", world.farmer.address, NEW_KEY.address)
    receipt = world.act(world.farmer, world.actors, "rotateKey", SOMEBODY.address)
    assert "RecoveryCancelled" in [e.name for e in world.actors.events(receipt.logs)]
    assert world.ask(world.actors, "recoveryOf", world.farmer.address)["key"] == ZERO
    world.wait(DELAY)
    with refused("Actors_RecoveryNotReady"):
        world.act(world.outsider, world.actors, "completeRecovery", world.farmer.address)


def test_a_recovery_to_a_key_that_was_squatted_meanwhile_fails_and_another_succeeds(
    world: World,
) -> None:
    propose = (world.actors, "proposeRecovery", world.farmer.address)
    for taken in (world.coop2, world.clerk, world.farmer):
        with refused("Actors_KeyTaken", key=taken):
            world.act(world.coop, *propose, taken.address)
    with refused("Actors_ZeroAddress"):
        world.act(world.coop, *propose, ZERO)
    world.act(world.coop, *propose, NEW_KEY.address)
    world.enrol(world.coop2, NEW_KEY, Role.FARMER)
    world.wait(DELAY)
    with refused("Actors_KeyTaken", key=NEW_KEY, actor=NEW_KEY):
        world.act(world.outsider, world.actors, "completeRecovery", world.farmer.address)
    world.act(world.coop, *propose, SOMEBODY.address)
    world.wait(DELAY)
    world.act(world.outsider, world.actors, "completeRecovery", world.farmer.address)


def test_a_recovered_key_inherits_suspension_and_clerks(world: World) -> None:
    world.act(world.platform, world.actors, "proposeRecovery", world.coop.address, NEW_KEY.address)
    world.act(world.platform, world.actors, "suspend", world.coop.address, "x")
    world.wait(DELAY)
    world.act(world.outsider, world.actors, "completeRecovery", world.coop.address)
    for key in (NEW_KEY, world.clerk):
        with refused("Actors_Suspended", actor=world.coop):
            world.ask(world.actors, "resolve", key.address)
    world.act(world.platform, world.actors, "reinstate", world.coop.address, "x")
    for key in (NEW_KEY, world.clerk):
        assert world.ask(world.actors, "resolve", key.address)[0] == world.coop.address


# ------------------------------------------------------------------ consent


def enrolment(world: World, party: str, roles: int, given: bytes, level: int = 2) -> bytes:
    """Give SOMEBODY's consent to exactly this."""
    message = {"party": party, "level": level, "roles": roles, "code": given}
    return keys.sign(SOMEBODY.account, relay.domain(world.deployment), CONSENT, message)


def test_no_key_is_bound_without_its_consent(world: World) -> None:
    """Else a cooperative could enrol a stranger, or the escrow, and recover its key a week later."""
    for victim in (world.buyer, world.batches, world.payments, SOMEBODY):
        address = victim.address
        for function, arguments in (
            ("enrol", (address, int(Role.FARMER), code("x"))),
            ("appointClerk", (address,)),
            ("rotateKey", (address,)),
            ("proposeRecovery", (world.farmer2.address, address)),
        ):
            call = world.actors.call(function, *arguments, b"")
            with refused("Actors_ConsentInvalid", key=address):
                world.send(world.coop2, call)
        assert world.ask(world.actors, "keyOf", address)[1] == 0


def test_a_consent_is_good_for_one_binding_only(world: World) -> None:
    coop2, farmer, given = world.coop2.address, int(Role.FARMER), code("x")
    consent = enrolment(world, coop2, farmer, given)
    for call in (
        world.actors.call("enrol", SOMEBODY.address, farmer, code("y"), consent),
        world.actors.call("appointClerk", SOMEBODY.address, consent),
        world.actors.call("rotateKey", SOMEBODY.address, consent),
        world.actors.call("proposeRecovery", world.farmer2.address, SOMEBODY.address, consent),
        world.actors.call("enrol", NEW_KEY.address, farmer, given, consent),
    ):
        with refused("Actors_ConsentInvalid"):
            world.send(world.coop2, call)
    enrol = world.actors.call("enrol", SOMEBODY.address, farmer, given, consent)
    with refused("Actors_ConsentInvalid", key=SOMEBODY, party=world.coop):
        world.send(world.coop, enrol)
    world.send(world.coop2, enrol)
    assert world.ask(world.actors, "actorOf", SOMEBODY.address)["enroller"] == coop2
    with refused("Actors_KeyTaken", key=SOMEBODY, actor=SOMEBODY):
        world.send(
            world.coop2,
            world.actors.call(
                "enrol",
                SOMEBODY.address,
                farmer,
                code("z"),
                enrolment(world, coop2, farmer, code("z")),
            ),
        )


def test_a_clerk_proposes_no_new_key_for_a_farmer(world: World) -> None:
    with refused("Actors_OwnerKeyNeeded", actor=world.coop, key=world.clerk):
        world.act(
            world.clerk, world.actors, "proposeRecovery", world.farmer.address, NEW_KEY.address
        )
