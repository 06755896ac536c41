// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {TestToken} from "./TestToken.sol";

interface ITokenReceiver {
    function tokensReceived(address from, uint256 amount) external;
}

/// @title A token that tells each receiver with code, as ERC-777 does, and fails as the receiver fails
contract HookToken is TestToken(6) {
    function _update(address from, address to, uint256 value) internal override {
        super._update(from, to, value);
        if (from == address(0) || to.code.length == 0) return;
        (bool success, bytes memory answer) = to.call(abi.encodeCall(ITokenReceiver.tokensReceived, (from, value)));
        if (!success) {
            assembly {
                revert(add(answer, 0x20), mload(answer))
            }
        }
    }
}
