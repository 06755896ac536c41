// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";

/// @title Paying a receiver who may misbehave
/// @notice OpenZeppelin's `SafeERC20` reverts, copies whatever is returned and forwards all gas. A push to several
/// receivers must do none of these: one of them would stop the others.
library Tokens {
    /// @dev Gas that one transfer may use. A transfer to a new holder costs about 35,000; tokens with hooks more.
    uint256 internal constant PUSH_GAS = 200_000;

    /// @dev What the caller must have left for a call to get {PUSH_GAS} in full (all but one 64th is passed on), and to
    /// finish afterwards.
    uint256 internal constant PUSH_RESERVE = PUSH_GAS * 64 / 63 + 60_000;

    /// @notice `token.transfer(to, amount)`, with bounded gas and a bounded answer.
    /// @return success False when it reverted, answered anything but true, or is no contract.
    function push(address token, address to, uint256 amount) internal returns (bool success) {
        bytes4 selector = IERC20.transfer.selector;
        assembly ("memory-safe") {
            let free := mload(0x40)
            mstore(0x00, selector)
            mstore(0x04, to)
            mstore(0x24, amount)
            success := call(PUSH_GAS, token, 0, 0x00, 0x44, 0x00, 0x20)
            // Right are: true, or nothing at all from a token that has code.
            switch returndatasize()
            case 0 { success := and(success, gt(extcodesize(token), 0)) }
            default { success := and(success, and(gt(returndatasize(), 0x1f), eq(mload(0x00), 1))) }
            mstore(0x40, free)
        }
    }
}
