// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {TestToken} from "./TestToken.sol";

/// @title A token that refuses listed addresses; the list may change at any time
contract BlacklistToken is TestToken(6) {
    mapping(address account => bool) public isBlocked;

    function setBlocked(address account, bool blocked) external {
        isBlocked[account] = blocked;
    }

    function _update(address from, address to, uint256 value) internal override {
        require(!isBlocked[from] && !isBlocked[to], "blocked");
        super._update(from, to, value);
    }
}
