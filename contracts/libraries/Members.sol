// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {BatchId} from "./Types.sol";

/// @title The members of a pool, committed by Merkle roots
/// @notice A pool's members are listed in chunks of at most {CHUNK}; each chunk has one root, computed here by the
/// contract from the deliveries (or the input batches) themselves. Nobody hands in a root, so none can disagree with
/// the record.
///
/// Leaf: `keccak256(keccak256(abi.encode(contract, batch, index, member, weight)))`. Hashed twice, so that an inner
/// node can never pass for a leaf; bound to the contract and the batch, so that a proof is good for one pool only.
/// Nodes hash their children in ascending order, as OpenZeppelin's `MerkleProof` does; a node without a sibling moves up as it is.
library Members {
    /// @dev Members of one chunk at most: one bit each in one storage word.
    uint256 internal constant CHUNK = 256;

    /// @param member A farmer's address, or for a batch made from batches the parent's {BatchId}.
    /// @param weight Grams × grade factor in basis points, or for a parent its mass in milligrams; what is committed is
    /// below 2^64, and another value has another leaf.
    struct Member {
        uint256 member;
        uint256 weight;
    }

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

    /// @notice The root of a chunk.
    /// @param first Index of its first member.
    function rootOf(address host, BatchId batch, uint256 first, Member[] calldata members)
        internal
        pure
        returns (bytes32)
    {
        bytes32[] memory leaves = new bytes32[](members.length);
        assembly ("memory-safe") {
            // The leaf's five words past the free pointer: the last two are the member as it stands in the calldata.
            let word := mload(0x40)
            mstore(word, host)
            mstore(add(word, 0x20), batch)
            let source := members.offset
            let at := add(leaves, 0x20)
            for { let end := add(at, shl(5, members.length)) } lt(at, end) { at := add(at, 0x20) } {
                mstore(add(word, 0x40), first)
                calldatacopy(add(word, 0x60), source, 0x40)
                mstore(0x00, keccak256(word, 0xa0))
                mstore(at, keccak256(0x00, 0x20))
                first := add(first, 1)
                source := add(source, 0x40)
            }
        }
        return root(leaves);
    }

    /// @notice The root over `nodes`, which are overwritten.
    /// @param nodes Leaves in the order of the list; at least one.
    function root(bytes32[] memory nodes) internal pure returns (bytes32 top) {
        assembly ("memory-safe") {
            // Row by row, each written over the one below. Without bounds checks: every place is below the width.
            let start := add(nodes, 0x20)
            for { let width := mload(nodes) } gt(width, 1) {} {
                let above := start
                let pairsEnd := add(start, shl(6, shr(1, width)))
                let from := start
                for {} lt(from, pairsEnd) { from := add(from, 0x40) } {
                    let a := mload(from)
                    let b := mload(add(from, 0x20))
                    let swapped := gt(a, b)
                    mstore(shl(5, swapped), a)
                    mstore(shl(5, iszero(swapped)), b)
                    mstore(above, keccak256(0x00, 0x40))
                    above := add(above, 0x20)
                }
                if and(width, 1) { mstore(above, mload(from)) }
                width := shr(1, add(width, 1))
            }
            top := mload(start)
        }
    }
}
