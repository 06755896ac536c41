// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {IBatches} from "../interfaces/IBatches.sol";
import {Roles} from "../libraries/Roles.sol";
import {BatchId} from "../libraries/Types.sol";
import {Journal} from "./Journal.sol";

/// @title Hold, release, recall
/// @notice A recall writes one batch and reaches all its descendants at once, because every sale, transformation and
/// hand-over asks whether the lineage above is clear. The answer is remembered per batch until the next recall anywhere
/// (`_epoch`), so that the question costs O(1) and the walk is paid once.
abstract contract Safety is Journal {
    /// @dev Generations that one call walks at most; the recursion must fit the machine's stack.
    uint256 private constant MAX_GENERATIONS = 32;

    mapping(BatchId batch => uint32 transformation) internal _transformationOf;
    mapping(uint32 transformation => BatchId[]) internal _parents;
    /// @inheritdoc IBatches
    mapping(BatchId batch => address by) public recalledBy;
    /// @dev Number of recalls ever made, plus one.
    uint56 internal _epoch = 1;

    /// @inheritdoc IBatches
    function inspect(BatchId batch, bool conformant, bytes calldata payload) external {
        // Check
        Batch storage b = _registered(batch);
        (address actor, address signer,) = _actorWith(Roles.INSPECTOR);
        _checkPayload(payload);
        // Effect
        b.flags = conformant ? b.flags & ~HELD : b.flags | HELD;
        _append(batch, Kind.Inspection, actor, signer, bytes.concat(bytes1(conformant ? 1 : 0), payload));
    }

    /// @inheritdoc IBatches
    function release(BatchId batch, string calldata reason) external {
        // Check
        Batch storage b = _registered(batch);
        (address actor, address signer,) = _actorWith(Roles.REGULATOR);
        if (b.flags & HELD == 0) revert Batches_NotHeld(batch);
        _checkReason(reason);
        // Effect
        b.flags &= ~HELD;
        _append(batch, Kind.Released, actor, signer, bytes(reason));
    }

    /// @inheritdoc IBatches
    function recall(BatchId batch, string calldata reason) external {
        // Check
        Batch storage b = _registered(batch);
        (address actor, address signer, uint16 roles) = _actorWith(Roles.COOPERATIVE | Roles.REGULATOR);
        bool regulator = roles & Roles.REGULATOR != 0;
        if (!regulator && actor != b.cooperative) revert Batches_RecallNotAllowed(batch, actor);
        // A cooperative cannot weaken a regulator's recall by making it its own.
        bool takesOver = regulator && recalledBy[batch] == b.cooperative && actor != b.cooperative;
        if (b.flags & RECALLED != 0 && !takesOver) revert Batches_RecallUnchanged(batch);
        _checkReason(reason);
        // Effect
        b.flags |= RECALLED;
        recalledBy[batch] = actor;
        ++_epoch;
        _append(batch, Kind.Recalled, actor, signer, bytes(reason));
    }

    /// @inheritdoc IBatches
    function liftRecall(BatchId batch, string calldata reason) external {
        // Check
        Batch storage b = _registered(batch);
        (address actor, address signer, uint16 roles) = _actorWith(Roles.COOPERATIVE | Roles.REGULATOR);
        if (b.flags & RECALLED == 0) revert Batches_RecallUnchanged(batch);
        bool mayLift = roles & Roles.REGULATOR != 0 || actor == recalledBy[batch];
        if (!mayLift) revert Batches_RecallNotAllowed(batch, actor);
        _checkReason(reason);
        // Effect
        b.flags &= ~RECALLED;
        delete recalledBy[batch];
        _append(batch, Kind.RecallLifted, actor, signer, bytes(reason));
    }

    /// @inheritdoc IBatches
    function refresh(BatchId batch) external returns (bool clear) {
        _registered(batch);
        return _clear(batch, 0);
    }

    /// @inheritdoc IBatches
    function parentsOf(BatchId batch) external view returns (BatchId[] memory) {
        return _parents[_transformationOf[batch]];
    }

    /// @dev Refuses a batch that may not be sold, used or handed on now.
    function _checkMovable(BatchId batch, Batch storage b) internal {
        if (b.flags & HELD != 0) revert Batches_Held(batch);
        if (!_clear(batch, 0)) revert Batches_Recalled(batch);
    }

    function _clear(BatchId batch, uint256 generation) private returns (bool) {
        Batch storage b = _batches[batch];
        if (b.flags & RECALLED != 0) return false;
        if (b.flags & DERIVED == 0) return true;
        uint56 epoch = _epoch;
        if (b.clearAt == epoch) return true;
        if (generation == MAX_GENERATIONS) revert Batches_LineageStale(batch);
        BatchId[] storage parents = _parents[_transformationOf[batch]];
        for (uint256 i; i < parents.length; ++i) {
            if (!_clear(parents[i], generation + 1)) return false;
        }
        b.clearAt = epoch;
        return true;
    }
}
