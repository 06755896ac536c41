// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {TestToken} from "./TestToken.sol";

/// @title A token that answers false, instead of reverting, while it refuses
contract FalseToken is TestToken(6) {
    bool public refusesIn;
    bool public refusesOut;

    /// @param in_ Whether `transferFrom` answers false.
    /// @param out_ Whether `transfer` answers false.
    function refuse(bool in_, bool out_) external {
        (refusesIn, refusesOut) = (in_, out_);
    }

    function transfer(address to, uint256 value) public override returns (bool) {
        return !refusesOut && super.transfer(to, value);
    }

    function transferFrom(address from, address to, uint256 value) public override returns (bool) {
        return !refusesIn && super.transferFrom(from, to, value);
    }
}
