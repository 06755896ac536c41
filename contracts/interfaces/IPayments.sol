// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {Members} from "../libraries/Members.sol";
import {BatchId} from "../libraries/Types.sol";

/// @title Payments: shared at once, pooled for many, claimable by everyone
/// @notice One payment moves the units of one or more batches to the buyer and shares the money by the batches' terms:
/// cooperative and platform receive theirs at once, and so does the farmer of a batch that is one farmer's. The farmers'
/// share of any other batch is added to its pool, one storage slot for any number of members.
///
/// Assumptions. Tokens: listed in {ICatalogue}; a token that returns false, takes a fee or rebases under way makes the
/// payment revert. Receivers: anything; one that cannot be paid is credited and may {withdraw} later. Callers: anyone.
///
/// Nobody administers this contract. It holds what pools and credits are owed, and nothing besides: tokens that
/// somebody sends to it by mistake change nobody's due.
interface IPayments {
    /// @param batch Batch paid for.
    /// @param units Units bought.
    /// @param amount What is paid for them, in the smallest unit of the batch's token: price × units.
    struct Line {
        BatchId batch;
        uint64 units;
        uint128 amount;
    }

    /// @param number Order reference, usable once by each payer. Consecutive numbers cost 17,000 gas less than
    /// arbitrary ones: 256 of them share a storage slot.
    /// @param buyer Who receives the units. Warning: name the actor, not a key that it rotated to; units follow actors.
    /// @param lines What is bought; 1 to 64 lines, all in one token.
    struct Order {
        uint256 number;
        address buyer;
        Line[] lines;
    }

    /// @param token What it is paid in.
    /// @param received All that the pool ever received, in the token's smallest unit.
    struct Pool {
        address token;
        uint96 received;
    }

    /// @notice One member of a pool, as {IBatches} committed it.
    /// @param batch Batch whose pool it is.
    /// @param index Place in the pool's list.
    /// @param member A farmer's address, or a parent's id if the batch was made from batches; an id is a SHA-256 and never
    /// as short as an address.
    /// @param weight Its weight.
    /// @param proof Merkle proof within chunk `index / 256`.
    struct Step {
        BatchId batch;
        uint256 index;
        uint256 member;
        uint64 weight;
        bytes32[] proof;
    }

    /// @param member A farmer's address, or a parent's id, whose pool `amount` went to.
    event Claimed(BatchId indexed batch, uint256 indexed member, uint256 index, uint96 amount, address to);
    event Settled(BatchId indexed batch, uint256 chunk, uint96 received, uint96 amount);
    event Credited(address indexed token, address indexed owner, uint256 amount, BatchId indexed batch);
    event Withdrawn(address indexed token, address indexed owner, uint256 amount, address to);

    /// @notice Thrown when the payer used the order reference before.
    error Payments_OrderPaid(address payer, uint256 orderReference);
    /// @notice Thrown when an order has no line, or more than 64.
    error Payments_LinesInvalid(uint256 count, uint256 maximum);
    /// @notice Thrown when nobody is to receive the units.
    error Payments_ZeroBuyer();
    /// @notice Thrown when an order, or a claim, mixes batches that are paid in different tokens.
    error Payments_TokensDiffer(address token, address other);
    /// @notice Thrown when a token answers false, or nothing where it has no code.
    error Payments_TokenFailed(address token);
    /// @notice Thrown when less is left of a token than was asked of it (fee, rebase).
    error Payments_TokenMovedOtherwise(address token, uint256 expected, uint256 found);
    /// @notice Thrown when a pool would receive more than it can count: 2^96 of the token's smallest units.
    error Payments_PoolFull(BatchId batch, uint256 received);
    /// @notice Thrown when there is not enough gas to give a receiver its full allowance.
    error Payments_GasTooLow(uint256 available, uint256 needed);
    /// @notice Thrown when a proof does not lead to the root of the pool's chunk.
    error Payments_NotMember(BatchId batch, uint256 index, uint256 member, uint256 weight);
    /// @notice Thrown when somebody claims to an address of his choice for another.
    error Payments_NotYours(uint256 member, address by);
    /// @notice Thrown when there is nothing to claim or withdraw.
    error Payments_NothingDue();

    /// @notice Pays an order with tokens that the caller has approved.
    /// @dev Appends Sold to each batch's journal, which is the record of the payment; emits {Credited} for each receiver
    /// that failed.
    /// Requirements: the caller did not use the reference before; 1 to 64 lines in one token; a buyer; each line as in
    /// {IBatches-sell}; the token moves exactly the amount.
    function pay(Order calldata order) external;

    /// @notice {pay} with an ERC-2612 approval in the same transaction. A permit that somebody else already used is no
    /// obstacle, as long as the allowance is there.
    function payWithPermit(Order calldata order, uint256 value, uint256 deadline, uint8 v, bytes32 r, bytes32 s)
        external;

    /// @notice Pays an order of `from`, who signed an ERC-3009 `ReceiveWithAuthorization` to this contract for the sum of
    /// the lines with {orderHash} as its nonce. Anyone may send it; nobody can turn it to another order.
    function payWithAuthorization(
        Order calldata order,
        address from,
        uint256 validAfter,
        uint256 validBefore,
        uint8 v,
        bytes32 r,
        bytes32 s
    ) external;

    /// @notice Takes what is due along a path of pools, from the product that was paid for down to the farmer: each step
    /// whose member is a batch moves that batch's due into its own pool (or, if the batch is one farmer's, to that farmer);
    /// a step whose member is a farmer pays him. Anyone may call it: the money only goes to payout addresses.
    /// @dev Emits {Claimed} for each step that has something due. Requirements: 1 to 64 steps, each proven, all in one token;
    /// something is due at some step; the transfer succeeds.
    /// @return paid What reached farmers.
    function claim(Step[] calldata steps) external returns (uint256 paid);

    /// @notice {claim} by the farmer himself, to an address of his choice, for this time.
    /// @dev Requirements: as for {claim}; the caller signs with the owner key of every farmer on the path.
    function claimTo(address to, Step[] calldata steps) external returns (uint256 paid);

    /// @notice Pays a whole chunk of members, each to its payout address. Anyone may call it.
    /// @dev Emits {Settled}, and {Credited} for each receiver that failed. Warning: emits no {Claimed}; the dues follow
    /// from the list. Requirements: `members` is the whole chunk in its order.
    /// @return paid What left the pool.
    function settle(BatchId batch, uint256 chunk, Members.Member[] calldata members) external returns (uint256 paid);

    /// @notice Pays out what `owner` was credited with. Anyone may call it; the money goes to the owner's payout address.
    /// @dev Emits {Withdrawn}. Requirements: there is a credit; the transfer succeeds.
    function withdraw(address token, address owner) external returns (uint256 amount);

    /// @notice Pays out the caller's own credit to another address, e.g. because the token refuses the first.
    /// @dev Emits {Withdrawn}. Requirements: as for {withdraw}; `to` is not zero; the caller is the owner, or signs with its
    /// owner key.
    function withdrawTo(address token, address to) external returns (uint256 amount);

    /// @notice The nonce that an ERC-3009 authorisation for this order must carry.
    function orderHash(Order calldata order) external view returns (bytes32);

    /// @notice Whether `payer` used the order reference.
    function isPaid(address payer, uint256 orderReference) external view returns (bool);

    /// @notice A batch's pool; zeros if it never received anything.
    function poolOf(BatchId batch) external view returns (Pool memory);

    /// @notice What a member is due now. Requirements: the step is proven.
    function dueOf(Step calldata step) external view returns (uint96);

    /// @notice What is kept for somebody who could not be paid.
    /// @param owner The farmer, whatever his payout address was; or the payee named in the terms.
    function creditOf(address token, address owner) external view returns (uint256);
}
