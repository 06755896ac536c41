// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {Text} from "../../libraries/Text.sol";

/// @notice Lets a test call {Text}, many cases at once.
contract TextHarness {
    function isCode(bytes32[] calldata cases, uint256 longest) external pure returns (bool[] memory results) {
        results = new bool[](cases.length);
        for (uint256 i; i < cases.length; ++i) {
            results[i] = Text.isCode(cases[i], longest);
        }
    }

    function isLot(bytes20[] calldata cases) external pure returns (bool[] memory results) {
        results = new bool[](cases.length);
        for (uint256 i; i < cases.length; ++i) {
            results[i] = Text.isLot(cases[i]);
        }
    }

    function isGtin(uint64[] calldata cases) external pure returns (bool[] memory results) {
        results = new bool[](cases.length);
        for (uint256 i; i < cases.length; ++i) {
            results[i] = Text.isGtin(cases[i]);
        }
    }

    function isReason(string[] calldata cases) external pure returns (bool[] memory results) {
        results = new bool[](cases.length);
        for (uint256 i; i < cases.length; ++i) {
            results[i] = Text.isReason(cases[i]);
        }
    }

    function looksLikeJsonObject(bytes[] calldata cases) external pure returns (bool[] memory results) {
        results = new bool[](cases.length);
        for (uint256 i; i < cases.length; ++i) {
            results[i] = Text.looksLikeJsonObject(cases[i]);
        }
    }
}
