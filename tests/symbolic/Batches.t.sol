// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {IBatches} from "../../contracts/interfaces/IBatches.sol";
import {IJournal} from "../../contracts/interfaces/IJournal.sol";
import {BatchId} from "../../contracts/libraries/Types.sol";
import {AnyActors, NoActors} from "./Others.sol";
import {Proof, VM} from "./Proof.sol";

interface IUnits {
    function balanceOf(address holder, uint256 batch) external view returns (uint256);
}

abstract contract BatchesProof is Proof {
    address private constant CATALOGUE = address(0xca);
    address private constant DELIVERIES = address(0xde);
    address internal constant PAYMENTS = address(0xfa);

    uint8 internal constant DERIVED = 8;

    IBatches internal _batches;
    address internal _relay;

    function _setUp(address actors) internal {
        _relay = actors;
        _batches = IBatches(_any("Batches.sol:Batches", abi.encode(CATALOGUE, DELIVERIES, PAYMENTS, actors, "")));
    }

    /// @dev Anybody calls anything that names one batch first; a batch made from others asks them all, which no proof
    /// without a bound can follow. Behind the relay he is whoever signed, which is any caller here.
    function _act(address caller) internal returns (BatchId named) {
        VM.assume(caller != _relay);
        (bytes memory data, bytes4 selector) = _anyData("Batches");
        VM.assume(data.length >= 36);
        VM.assume(selector != IBatches.collect.selector && selector != IBatches.register.selector);
        VM.assume(selector != IBatches.transform.selector && selector != IBatches.sell.selector);
        assembly ("memory-safe") {
            named := mload(add(data, 0x24))
        }
        VM.assume(_batches.batchOf(named).flags & DERIVED == 0);
        VM.prank(caller);
        (bool done,) = address(_batches).call(data);
        VM.assume(done);
    }
}

contract BatchesProofs is BatchesProof {
    AnyActors private _actors;

    function setUp() public {
        _actors = new AnyActors();
        _setUp(address(_actors));
    }

    // ------------------------------------------------------------------ journal

    /// @dev The new head is sha256(old head ‖ sha256(record)), and the record says who acted, by which key, and when.
    function prove_the_head_covers_the_record(address caller, BatchId batch, uint8 kind, bytes calldata payload)
        external
    {
        VM.assume(caller != _relay);
        bytes32 before = _batches.headOf(batch);
        VM.prank(caller);
        _batches.record(batch, IJournal.Kind(kind), payload);
        (address actor,) = _actors.resolve(caller);
        assert(_batches.headOf(batch) == _after(batch, before, kind, actor, caller, payload));
    }

    function prove_the_head_covers_an_acceptance(address caller, BatchId batch, uint32 number) external {
        VM.assume(caller != _relay && _batches.batchOf(batch).flags & DERIVED == 0);
        bytes32 before = _batches.headOf(batch);
        VM.prank(caller);
        _batches.accept(batch, number);
        (address actor,) = _actors.resolve(caller);
        bytes32 expected =
            _after(batch, before, uint8(IJournal.Kind.Accepted), actor, caller, abi.encodePacked(number));
        assert(_batches.headOf(batch) == expected);
    }

    function find_that_a_head_can_change(address caller, BatchId batch, uint8 kind, bytes calldata payload) external {
        bytes32 before = _batches.headOf(batch);
        VM.prank(caller);
        _batches.record(batch, IJournal.Kind(kind), payload);
        assert(_batches.headOf(batch) == before);
    }

    function _after(
        BatchId batch,
        bytes32 head,
        uint8 kind,
        address actor,
        address signer,
        bytes memory body
    ) private view returns (bytes32) {
        if (head == 0) {
            head = sha256(abi.encodePacked("yuanliu.journal.v1", block.chainid, address(_batches), batch));
        }
        bytes memory record = abi.encodePacked(uint8(1), kind, uint64(block.timestamp), actor, signer, body);
        return sha256(bytes.concat(head, sha256(record)));
    }

    // ------------------------------------------------------------------ one batch

    /// @dev An act on one batch changes nothing of any other; and of its own not what the batch is: whose, of what, how
    /// much, under which terms.
    function prove_an_act_changes_one_batch_and_not_what_it_is(address caller, BatchId batch) external {
        IBatches.Batch memory before = _batches.batchOf(batch);
        bytes32 whole = keccak256(abi.encode(before));
        BatchId named = _act(caller);
        IBatches.Batch memory then = _batches.batchOf(batch);
        bytes32 wholeNow = keccak256(abi.encode(then));
        bool holds;
        assembly ("memory-safe") {
            // Without a jump, which would double the paths.
            holds := or(eq(whole, wholeNow), eq(named, batch))
        }
        assert(holds);
        assert(_lasting(before) == _lasting(then));
    }

    function _lasting(IBatches.Batch memory b) private pure returns (bytes32) {
        (b.head, b.price, b.flags, b.clearAt, b.offers) = (0, 0, 0, 0, 0);
        return keccak256(abi.encode(b));
    }

    // ------------------------------------------------------------------ units

    /// @dev Offering puts units aside, ending an offer gives them to one or the other: none appears or is lost.
    function prove_offering_conserves_units(address caller, BatchId batch, address to, uint64 units, address other)
        external
    {
        VM.assume(caller != _relay && _batches.batchOf(batch).flags & DERIVED == 0);
        (address actor,) = _actors.resolve(caller);
        VM.assume(actor != address(0) && actor != address(_batches));
        VM.assume(other != actor && other != address(_batches));
        (uint256 had, uint256 aside, uint256 others) = _units(batch, actor, other);
        VM.prank(caller);
        _batches.offer(batch, to, units);
        (uint256 has, uint256 asideNow, uint256 othersNow) = _units(batch, actor, other);
        assert(had - has == units && asideNow - aside == units && others == othersNow);
    }

    function prove_ending_an_offer_conserves_units(
        address caller,
        BatchId batch,
        uint32 number,
        bool accepted,
        address other
    ) external {
        VM.assume(caller != _relay && _batches.batchOf(batch).flags & DERIVED == 0);
        (address actor,) = _actors.resolve(caller);
        IBatches.Offer memory offer = _batches.offerOf(batch, number);
        VM.assume(actor != address(0) && actor != address(_batches));
        VM.assume(other != actor && other != address(_batches));
        (uint256 had, uint256 aside, uint256 others) = _units(batch, actor, other);
        VM.prank(caller);
        if (accepted) _batches.accept(batch, number);
        else _batches.withdraw(batch, number);
        (uint256 has, uint256 asideNow, uint256 othersNow) = _units(batch, actor, other);
        assert(actor == (accepted ? offer.to : offer.from));
        assert(has - had == offer.units && aside - asideNow == offer.units && others == othersNow);
        assert(_batches.offerOf(batch, number).units == 0);
    }

    function find_that_units_can_be_offered(address caller, BatchId batch, address to, uint64 units) external {
        VM.assume(_batches.batchOf(batch).flags & DERIVED == 0);
        VM.prank(caller);
        _batches.offer(batch, to, units);
        assert(false);
    }

    function _units(BatchId batch, address actor, address other) private view returns (uint256, uint256, uint256) {
        IUnits units = IUnits(address(_batches));
        uint256 id = BatchId.unwrap(batch);
        return (units.balanceOf(actor, id), units.balanceOf(address(_batches), id), units.balanceOf(other, id));
    }

    // ------------------------------------------------------------------ sale

    function prove_only_payments_sell(address caller, BatchId batch, uint64 units, uint128 amount, address buyer)
        external
    {
        VM.assume(caller != PAYMENTS);
        VM.prank(caller);
        try _batches.sell(batch, units, amount, caller, buyer, 1) {
            assert(false);
        } catch {}
    }
}

contract RefusedProofs is BatchesProof {
    function setUp() public {
        _setUp(address(new NoActors()));
    }

    /// @dev A key that the actors' contract refuses, because its actor is suspended or it is retired, writes nothing.
    function prove_who_is_refused_writes_nothing(address caller, BatchId batch) external {
        VM.assume(caller != PAYMENTS);
        IBatches.Batch memory before = _batches.batchOf(batch);
        _act(caller);
        IBatches.Batch memory then = _batches.batchOf(batch);
        assert(keccak256(abi.encode(before)) == keccak256(abi.encode(then)));
    }
}
