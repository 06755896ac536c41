// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {IActors} from "../../contracts/interfaces/IActors.sol";
import {IBatches} from "../../contracts/interfaces/IBatches.sol";
import {ICatalogue} from "../../contracts/interfaces/ICatalogue.sol";
import {BatchId, Gtin} from "../../contracts/libraries/Types.sol";
import {SVM} from "./Proof.sol";

/// @notice The other contracts, as a proof sees them: they answer anything, but the same to the same question.
abstract contract Arbitrary {
    constructor() {
        SVM.enableSymbolicStorage(address(this));
    }
}

/// @dev It refuses no key: whoever is refused makes the whole call revert, see {NoActors}.
contract AnyActors is Arbitrary {
    mapping(address key => address) private _actors;
    mapping(address key => uint16) private _roles;
    mapping(address key => bool) private _owns;
    mapping(address actor => IActors.Actor) private _enrolments;
    mapping(address actor => address) public payoutOf;

    function resolve(address key) external view returns (address actor, uint16 roles) {
        return (_actors[key], _roles[key]);
    }

    function keyOf(address key) external view returns (address actor, IActors.KeyLevel level) {
        return (_actors[key], _owns[key] ? IActors.KeyLevel.Owner : IActors.KeyLevel.Clerk);
    }

    function actorOf(address actor) external view returns (IActors.Actor memory) {
        return _enrolments[actor];
    }

    function payoutsOf(address[] calldata actors) external view returns (address[] memory payouts) {
        payouts = new address[](actors.length);
        for (uint256 i; i < actors.length; ++i) {
            payouts[i] = actors[i] == address(0) ? address(0) : payoutOf[actors[i]];
        }
    }
}

/// @notice Refuses every key, as it does a suspended one.
contract NoActors {
    function resolve(address key) external pure returns (address, uint16) {
        revert IActors.Actors_Suspended(key);
    }
}

contract AnyCatalogue is Arbitrary {
    mapping(Gtin gtin => ICatalogue.Product) private _products;

    function productOf(Gtin gtin) external view returns (ICatalogue.Product memory) {
        return _products[gtin];
    }
}

contract AnyBatches is Arbitrary {
    mapping(BatchId batch => IBatches.Sale) private _sales;
    mapping(BatchId batch => mapping(uint256 chunk => bytes32)) private _roots;
    mapping(BatchId batch => uint64) private _weights;
    mapping(BatchId batch => address) public farmerOf;

    function sell(BatchId batch, uint64, uint128, address, address, uint256)
        external
        view
        returns (IBatches.Sale memory)
    {
        return _sales[batch];
    }

    function poolOf(BatchId batch, uint256 chunk) external view returns (uint64 totalWeight, bytes32 root) {
        return (_weights[batch], _roots[batch][chunk]);
    }
}

/// @notice Money that says who was paid what.
contract AnyToken is Arbitrary {
    mapping(address owner => uint256) public paid;
    mapping(address owner => uint256) public balanceOf;
    uint256 public paidInAll;
    bool private _stopped;

    function transferFrom(address, address to, uint256 amount) external returns (bool) {
        balanceOf[to] += amount;
        return true;
    }

    function transfer(address to, uint256 amount) external returns (bool) {
        if (_stopped) return false;
        balanceOf[msg.sender] -= amount;
        unchecked {
            paid[to] += amount;
            paidInAll += amount;
        }
        return true;
    }
}
