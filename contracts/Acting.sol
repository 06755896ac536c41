// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {ERC2771Context} from "@openzeppelin/contracts/metatx/ERC2771Context.sol";
import {IActors} from "./interfaces/IActors.sol";

/// @title In whose name a call is made
/// @notice Base of every contract that writes for an actor. The signer is the sender, or behind the relay the one
/// who signed the request; the actor is whom that key stands for.
abstract contract Acting is ERC2771Context {
    IActors public immutable ACTORS;

    constructor(IActors actors) ERC2771Context(address(actors)) {
        ACTORS = actors;
    }

    /// @dev The actor behind the call, which must have at least one of the roles `needed`.
    function _actorWith(uint16 needed) internal view returns (address actor, address signer, uint16 roles) {
        signer = _msgSender();
        (actor, roles) = ACTORS.resolve(signer);
        if (roles & needed == 0) revert IActors.Actors_RoleMissing(actor, roles, needed);
    }
}
