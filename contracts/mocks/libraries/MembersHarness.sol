// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {Members} from "../../libraries/Members.sol";
import {BatchId} from "../../libraries/Types.sol";

/// @notice Lets a test call {Members}, many cases at once.
contract MembersHarness {
    struct Leaf {
        address host;
        BatchId batch;
        uint256 index;
        uint256 member;
        uint256 weight;
    }

    function leaf(Leaf[] calldata cases) external pure returns (bytes32[] memory results) {
        results = new bytes32[](cases.length);
        for (uint256 i; i < cases.length; ++i) {
            Leaf calldata c = cases[i];
            results[i] = Members.leaf(c.host, c.batch, c.index, c.member, c.weight);
        }
    }

    function root(bytes32[][] calldata cases) external pure returns (bytes32[] memory results) {
        results = new bytes32[](cases.length);
        for (uint256 i; i < cases.length; ++i) {
            results[i] = Members.root(cases[i]);
        }
    }
}
