// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {Split} from "../../libraries/Split.sol";

/// @notice Lets a test call {Split}, many cases at once.
contract SplitHarness {
    struct Payment {
        uint128 amount;
        uint256 floor;
        uint16 cooperativeBps;
        uint16 platformBps;
    }

    struct Due {
        uint128 receipts;
        uint64 weight;
        uint64 totalWeight;
    }

    function sharesDown(Payment[] calldata cases) external pure returns (Split.Shares[] memory results) {
        results = new Split.Shares[](cases.length);
        for (uint256 i; i < cases.length; ++i) {
            Payment calldata c = cases[i];
            results[i] = Split.sharesDown(c.amount, c.floor, c.cooperativeBps, c.platformBps);
        }
    }

    function dueDown(Due[] calldata cases) external pure returns (uint128[] memory results) {
        results = new uint128[](cases.length);
        for (uint256 i; i < cases.length; ++i) {
            results[i] = Split.dueDown(cases[i].receipts, cases[i].weight, cases[i].totalWeight);
        }
    }
}
