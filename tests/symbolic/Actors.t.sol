// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {ERC2771Forwarder} from "@openzeppelin/contracts/metatx/ERC2771Forwarder.sol";
import {Forwarder} from "../../contracts/Forwarder.sol";
import {IActors} from "../../contracts/interfaces/IActors.sol";
import {Proof, VM} from "./Proof.sol";

contract ActorsProofs is Proof {
    IActors private _actors;

    function setUp() public {
        _actors = IActors(_any("Actors.sol:Actors", abi.encode(address(0xa1), address(0xa2))));
    }

    /// @custom:halmos --loop 1
    /// @dev Once a key stands for somebody, it never stands for another; once it is retired, it stays so.
    function prove_a_key_stands_for_one_actor(address caller, address key) external {
        (address actor, IActors.KeyLevel level) = _actors.keyOf(key);
        VM.assume(level != IActors.KeyLevel.None);
        _act(caller);
        (address actorNow, IActors.KeyLevel levelNow) = _actors.keyOf(key);
        assert(actorNow == actor);
        assert(levelNow == level || levelNow == IActors.KeyLevel.Retired);
    }

    /// @dev Enrolling is apart, and under one code: what a code may be made of is a loop for each of its bytes.
    function prove_enrolling_changes_no_key(address caller, address key, address actor, uint16 roles) external {
        (address before, IActors.KeyLevel level) = _actors.keyOf(key);
        VM.assume(level != IActors.KeyLevel.None && caller != address(_actors));
        VM.prank(caller);
        _actors.enrol(actor, roles, "F1", new bytes(65));
        (address then, IActors.KeyLevel levelNow) = _actors.keyOf(key);
        assert(actor != key && then == before && levelNow == level);
    }

    function find_that_a_key_can_be_retired(address caller, address key) external {
        VM.prank(caller);
        _actors.dismissClerk(key);
        (, IActors.KeyLevel levelNow) = _actors.keyOf(key);
        assert(levelNow != IActors.KeyLevel.Retired);
    }

    /// @dev Anybody calls anything but the relay, which only calls on: as whom is any caller here.
    function _act(address caller) private {
        (bytes memory data, bytes4 selector) = _anyData("Actors");
        VM.assume(caller != address(_actors));
        VM.assume(selector != IActors.enrol.selector && selector != ERC2771Forwarder.execute.selector);
        VM.assume(selector != ERC2771Forwarder.executeBatch.selector && selector != Forwarder.together.selector);
        VM.prank(caller);
        (bool done,) = address(_actors).call(data);
        VM.assume(done);
    }

    /// @dev Money goes elsewhere only by the owner's own key, or with his key when that is changed or recovered.
    function prove_only_the_owners_key_redirects(address caller, address actor, address payout) external {
        VM.assume(caller != address(_actors));
        (address own, IActors.KeyLevel level) = _actors.keyOf(caller);
        address before = _actors.payoutOf(actor);
        VM.prank(caller);
        _actors.redirectPayout(payout);
        assert(level == IActors.KeyLevel.Owner);
        assert(_actors.payoutOf(actor) == (actor == own ? payout : before));
    }
}
