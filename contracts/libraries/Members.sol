// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {Hashes} from "@openzeppelin/contracts/utils/cryptography/Hashes.sol";
import {BatchId} from "./Types.sol";

/// @title The members of a pool, committed by Merkle roots
/// @notice A pool's members are listed in chunks of at most {CHUNK}; each chunk has one root, computed here by the
/// contract from the deliveries (or the input batches) themselves. Nobody hands in a root, so none can disagree with
/// the record.
///
/// Leaf: `keccak256(keccak256(abi.encode(contract, batch, index, member, weight)))`. Hashed twice, so that an inner
/// node can never pass for a leaf; bound to the contract and the batch, so that a proof is good for one pool only.
/// Nodes hash their children in ascending order; a node without a sibling moves up as it is.
library Members {
    /// @dev Members of one chunk at most: one bit each in one storage word.
    uint256 internal constant CHUNK = 256;

    /// @notice The leaf of one member.
    /// @param host Contract that holds the batch.
    /// @param batch Batch whose pool it is.
    /// @param index Place within the whole pool, from 0.
    /// @param member A farmer's address, or for a batch made from batches the parent's {BatchId}.
    /// @param weight Grams × grade factor in basis points, or for a parent its mass in milligrams.
    function leaf(address host, BatchId batch, uint256 index, uint256 member, uint256 weight)
        internal
        pure
        returns (bytes32 result)
    {
        assembly ("memory-safe") {
            // Same bytes as abi.encode, written past the free pointer without moving it: a chunk makes hundreds.
            let at := mload(0x40)
            mstore(at, host)
            mstore(add(at, 0x20), batch)
            mstore(add(at, 0x40), index)
            mstore(add(at, 0x60), member)
            mstore(add(at, 0x80), weight)
            mstore(0x00, keccak256(at, 0xa0))
            result := keccak256(0x00, 0x20)
        }
    }

    /// @notice The root over `nodes`, which are overwritten.
    /// @param nodes Leaves in the order of the list; at least one.
    function root(bytes32[] memory nodes) internal pure returns (bytes32) {
        uint256 width = nodes.length;
        while (width > 1) {
            uint256 above;
            for (uint256 i; i + 1 < width; i += 2) {
                nodes[above++] = Hashes.commutativeKeccak256(nodes[i], nodes[i + 1]);
            }
            if (width % 2 == 1) nodes[above++] = nodes[width - 1];
            width = above;
        }
        return nodes[0];
    }
}
