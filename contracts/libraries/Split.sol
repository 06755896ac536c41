// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

/// @title How money is shared
/// @notice The only file of the contracts that divides money. Its twin is `yuanliu/money.py`; z3 proves both for all
/// inputs (`tests/properties/test_money_proofs.py`).
library Split {
    /// @dev Basis points in a whole: 10,000 = 100 %.
    uint256 internal constant WHOLE_BPS = 10_000;

    /// @dev The farmers' part of the margin is never below 30 %.
    uint256 internal constant MIN_FARMER_BPS = 3_000;

    /// @notice The three shares of one payment, in the token's smallest unit. Their sum is the payment.
    struct Shares {
        uint128 farmers;
        uint128 cooperative;
        uint128 platform;
    }

    /// @notice Shares `amount` by a floor and the terms' ratios: cooperative and platform get their part of the margin
    /// rounded down, the farmers get the floor, their part of the margin and every rounding remainder.
    /// @param amount Payment, in the token's smallest unit.
    /// @param floor Floor price of all units paid for; the caller has checked `floor ≤ amount`.
    /// @param cooperativeBps Cooperative's part of the margin, in basis points.
    /// @param platformBps Platform's part of the margin, in basis points.
    function sharesDown(uint128 amount, uint256 floor, uint16 cooperativeBps, uint16 platformBps)
        internal
        pure
        returns (Shares memory shares)
    {
        uint256 margin = amount - floor;
        unchecked {
            // margin < 2^128 and bps < 2^16, so no product overflows; both parts together are at most the margin,
            // because the terms' ratios sum to a whole.
            shares.cooperative = uint128((margin * cooperativeBps) / WHOLE_BPS);
            shares.platform = uint128((margin * platformBps) / WHOLE_BPS);
            shares.farmers = amount - shares.cooperative - shares.platform;
        }
    }

    /// @notice All that a pool member is due of cumulative `receipts`, claimed or not, rounded down.
    /// @dev Never falls while receipts grow, and does not depend on how payments were cut or when claims were made. At
    /// most (members − 1) units of the receipts stay undivided.
    /// @param receipts All that the pool ever received, in the token's smallest unit.
    /// @param weight The member's weight.
    /// @param totalWeight Sum of all members' weights; not 0, and at least `weight`.
    function dueDown(uint128 receipts, uint64 weight, uint64 totalWeight) internal pure returns (uint128) {
        unchecked {
            // 128 + 64 bits: the product cannot overflow, and the quotient is at most the receipts.
            return uint128((uint256(receipts) * weight) / totalWeight);
        }
    }

    /// @notice What a pool member's {dueDown} grows by while the receipts grow from `before` to `receipts`.
    /// @dev Requirements: `before` is at most `receipts`, and all are in the ranges of {dueDown}; then nothing overflows,
    /// because a due never falls. Whole words, because masking them costs each member of a settlement 200 gas.
    function dueBetweenDown(uint256 before, uint256 receipts, uint256 weight, uint256 totalWeight)
        internal
        pure
        returns (uint256)
    {
        unchecked {
            return (receipts * weight) / totalWeight - (before * weight) / totalWeight;
        }
    }
}
