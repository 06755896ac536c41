// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {Acting} from "../Acting.sol";
import {IBatches} from "../interfaces/IBatches.sol";
import {Text} from "../libraries/Text.sol";
import {BatchId} from "../libraries/Types.sol";

/// @title Journal
/// @notice Where every record of a batch is appended, and nothing else writes its head. Layout: {IJournal}.
abstract contract Journal is IBatches, Acting {
    uint8 private constant RECORD_VERSION = 1;

    uint8 internal constant REGISTERED = 1 << 0;
    uint8 internal constant HELD = 1 << 1;
    uint8 internal constant RECALLED = 1 << 2;
    uint8 internal constant DERIVED = 1 << 3;

    mapping(BatchId batch => Batch) internal _batches;

    /// @dev Appends a record by whoever made the call.
    function _append(BatchId batch, Kind kind, address actor, address signer, bytes memory body) internal {
        Batch storage b = _batches[batch];
        bytes32 head = b.head;
        if (head == 0) head = _genesis(batch);
        bytes memory entry = abi.encodePacked(RECORD_VERSION, kind, uint64(block.timestamp), actor, signer, body);
        b.head = sha256(bytes.concat(head, sha256(entry)));
        emit Recorded({batch: batch, previous: head, record: entry});
    }

    function _genesis(BatchId batch) private view returns (bytes32) {
        return sha256(abi.encodePacked("yuanliu.journal.v1", block.chainid, address(this), batch));
    }

    /// @inheritdoc IBatches
    function batchOf(BatchId batch) external view returns (Batch memory) {
        return _batches[batch];
    }

    function headOf(BatchId batch) external view returns (bytes32) {
        return _batches[batch].head;
    }

    /// @dev A registered batch.
    function _registered(BatchId batch) internal view returns (Batch storage b) {
        b = _batches[batch];
        if (b.flags & REGISTERED == 0) revert Batches_Unknown(batch);
    }

    function _checkPayload(bytes calldata payload) internal pure {
        if (payload.length > Text.MAX_PAYLOAD) revert Batches_PayloadTooLong(payload.length, Text.MAX_PAYLOAD);
        if (!Text.looksLikeJsonObject(payload)) revert Batches_PayloadNotJson();
    }

    function _checkReason(string calldata reason) internal pure {
        if (!Text.isReason(reason)) revert Batches_ReasonInvalid(bytes(reason).length);
    }
}
