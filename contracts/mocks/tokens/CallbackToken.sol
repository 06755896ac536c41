// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {ITokenReceiver} from "./HookToken.sol";
import {TestToken} from "./TestToken.sol";

/// @title A token that tells those receivers who asked for it, as ERC-777 does by its registry, and fails as they fail
contract CallbackToken is TestToken(6) {
    mapping(address receiver => bool) public isTold;

    function setTold(address receiver, bool told) external {
        isTold[receiver] = told;
    }

    function _update(address from, address to, uint256 value) internal override {
        super._update(from, to, value);
        if (isTold[to]) ITokenReceiver(to).tokensReceived(from, value);
    }
}
