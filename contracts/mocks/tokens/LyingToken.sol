// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {TestToken} from "./TestToken.sol";

/// @title A token that says yes to everything it is asked to take, and moves nothing
contract LyingToken is TestToken(6) {
    function transferFrom(address, address, uint256) public pure override returns (bool) {
        return true;
    }

    /// @dev An authorisation (ERC-3009) that nobody signed, for instance.
    fallback() external {}
}
