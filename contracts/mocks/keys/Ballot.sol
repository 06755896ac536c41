// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {ICatalogue} from "../../interfaces/ICatalogue.sol";
import {Gtin} from "../../libraries/Types.sol";

/// @title A terms authority that is a ballot: terms are published once more than half the members chose the same
contract Ballot {
    ICatalogue private immutable _CATALOGUE;
    uint256 private immutable _MEMBERS;

    mapping(address member => bool) private _isMember;
    mapping(bytes32 choice => mapping(address member => bool)) private _voted;
    mapping(bytes32 choice => uint256) private _votes;

    constructor(ICatalogue catalogue, address[] memory members) {
        _CATALOGUE = catalogue;
        _MEMBERS = members.length;
        for (uint256 i; i < members.length; ++i) {
            _isMember[members[i]] = true;
        }
    }

    function vote(Gtin gtin, ICatalogue.Terms calldata terms) external {
        bytes32 choice = keccak256(abi.encode(gtin, terms));
        require(_isMember[msg.sender] && !_voted[choice][msg.sender], "no vote");
        _voted[choice][msg.sender] = true;
        uint256 votes = ++_votes[choice];
        if (votes * 2 > _MEMBERS && (votes - 1) * 2 <= _MEMBERS) _CATALOGUE.publishTerms(gtin, terms);
    }
}
