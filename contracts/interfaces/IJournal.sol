// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {BatchId} from "../libraries/Types.sol";

/// @title The history of a batch
/// @notice Every act on a batch appends one record. The record is in the log, in full; the contract keeps one head:
///
///     head₀   = sha256("yuanliu.journal.v1" ‖ chain id (32) ‖ contract (20) ‖ batch (32))
///     headₙ₊₁ = sha256(headₙ ‖ sha256(recordₙ))
///
/// One `eth_call` for the head plus the records prove that a reader sees all of them, in order, unaltered. SHA-256,
/// because every browser has it built in. Each log carries the head that was before it, so that a reader who was given a
/// changed, left out or moved record can tell which.
///
/// A record is, big-endian and without padding:
///
///     version (1) = 1 ‖ kind (1) ‖ time (8, Unix seconds) ‖ actor (20) ‖ signer (20) ‖ body
///
/// with a body by kind ({Kind}). Its number is its place in the journal, from 0; the contract keeps no count, which
/// would cost each act 2,900 gas and prove nothing that the head does not. Test vectors: `tests/vectors/journal.json`.
interface IJournal {
    /// @dev Kinds of record and their bodies. `entries` are `count (2)` times
    /// `receipt (8) ‖ farmer (20) ‖ grams (5) ‖ grade factor in basis points (2)`.
    ///
    /// - Collected: `entries`
    /// - Registered: `gtin (8) ‖ lot (20) ‖ terms (4) ‖ units (8) ‖ milligrams per unit (4) ‖ loss in milligrams (8) ‖
    ///   price per unit (12) ‖ entries ‖ payload`
    /// - Derived: `gtin (8) ‖ lot (20) ‖ terms (4) ‖ units (8) ‖ milligrams per unit (4) ‖ transformation (4) ‖
    ///   price per unit (12) ‖ count (2) ‖ count × (parent (32) ‖ milligrams (8)) ‖ payload`
    /// - Consumed: `transformation (4) ‖ units (8)`
    /// - Production, Logistics: `payload`
    /// - Inspection: `conformant (1) ‖ payload`
    /// - Readings: `root (32) ‖ count (4) ‖ payload`
    /// - Corrected: `head after the wrong record (32) ‖ head after the corrective record (32) ‖ payload`
    /// - Priced: `price per unit (12)`
    /// - Sold: `order reference (32) ‖ buyer (20) ‖ units (8) ‖ amount (16) ‖ farmers (16) ‖ cooperative (16) ‖
    ///   platform (16)`; actor and signer are the payer
    /// - Offered: `offer (4) ‖ receiver (20) ‖ units (8)`
    /// - Accepted, Withdrawn: `offer (4)`
    /// - Refused: `offer (4) ‖ reason`
    /// - Released, Recalled, RecallLifted: `reason`
    ///
    /// A payload is an EPCIS 2.0 event in JSON, UTF-8, at most 8,192 bytes; a reason is UTF-8, 1 to 512 bytes.
    enum Kind {
        None,
        Collected,
        Registered,
        Derived,
        Consumed,
        Production,
        Inspection,
        Logistics,
        Readings,
        Corrected,
        Priced,
        Sold,
        Offered,
        Accepted,
        Refused,
        Withdrawn,
        Released,
        Recalled,
        RecallLifted
    }

    /// @notice The one event of a batch's history.
    /// @param previous Head before this record.
    event Recorded(BatchId indexed batch, bytes32 previous, bytes record);

    /// @notice The head of a batch's journal; zero if nothing was ever recorded.
    function headOf(BatchId batch) external view returns (bytes32);
}
