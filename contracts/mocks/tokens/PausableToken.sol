// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {ERC20Pausable} from "@openzeppelin/contracts/token/ERC20/extensions/ERC20Pausable.sol";
import {TestToken} from "./TestToken.sol";

/// @title A token that can be stopped altogether
contract PausableToken is TestToken(6), ERC20Pausable {
    function pause() external {
        _pause();
    }

    function unpause() external {
        _unpause();
    }

    function decimals() public view override(TestToken, ERC20) returns (uint8) {
        return super.decimals();
    }

    function _update(address from, address to, uint256 value) internal override(ERC20, ERC20Pausable) {
        super._update(from, to, value);
    }
}
