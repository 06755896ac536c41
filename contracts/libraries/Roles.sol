// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

/// @notice The parts an actor may play, one bit each, so that one actor can play several.
library Roles {
    /// @dev Runs the service: enrols cooperatives, carriers, retailers and platforms; lists products and tokens.
    uint16 internal constant PLATFORM = 1 << 0;
    /// @dev Enrols farmers, books deliveries, registers and sells batches.
    uint16 internal constant COOPERATIVE = 1 << 1;
    /// @dev Delivers goods and owns the farmers' share. Enrolled by a cooperative under a code.
    uint16 internal constant FARMER = 1 << 2;
    /// @dev Laboratory or quality inspector, accredited by the regulator.
    uint16 internal constant INSPECTOR = 1 << 3;
    /// @dev Moves goods and reports on their transport.
    uint16 internal constant CARRIER = 1 << 4;
    /// @dev Shop or other buyer that trades on.
    uint16 internal constant RETAILER = 1 << 5;
    /// @dev Auditor or authority: accredits inspectors, releases holds, recalls, suspends anyone.
    uint16 internal constant REGULATOR = 1 << 6;

    uint16 internal constant ALL =
        PLATFORM | COOPERATIVE | FARMER | INSPECTOR | CARRIER | RETAILER | REGULATOR;

    /// @dev What each enrolling role may enrol. Farmers are the cooperative's, inspectors the regulator's alone.
    uint16 internal constant BY_PLATFORM = PLATFORM | COOPERATIVE | CARRIER | RETAILER;
    uint16 internal constant BY_REGULATOR = REGULATOR | INSPECTOR;
    uint16 internal constant BY_COOPERATIVE = FARMER;

    /// @notice Every role that somebody with `roles` may enrol.
    function enrollable(uint16 roles) internal pure returns (uint16 allowed) {
        if (roles & PLATFORM != 0) allowed |= BY_PLATFORM;
        if (roles & REGULATOR != 0) allowed |= BY_REGULATOR;
        if (roles & COOPERATIVE != 0) allowed |= BY_COOPERATIVE;
    }
}
