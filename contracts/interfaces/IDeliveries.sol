// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {Gtin, TermsId, BatchId} from "../libraries/Types.sol";

/// @title What farmers delivered
/// @notice Each delivery at a cooperative's scale is a record with a receipt number of its own. It fixes the terms in
/// force at that moment, enters one batch, once, and its weight there is grams × grade factor.
interface IDeliveries {
    enum Status {
        None,
        Booked,
        Entered,
        Voided
    }

    /// @param farmer Whose goods they are.
    /// @param grams Net weight, grams.
    /// @param gradeBps Grade factor in basis points; 10,000 is plain grade.
    /// @param terms Terms that were in force for the product when it was booked.
    /// @param status Where it stands.
    struct Delivery {
        address farmer;
        uint40 grams;
        uint16 gradeBps;
        TermsId terms;
        Status status;
    }

    /// @param receipt Number of the receipt, the cooperative's own; not 0.
    /// @param farmer A farmer enrolled by the cooperative.
    /// @param gtin Product delivered.
    /// @param grams Net weight, grams; not 0.
    /// @param gradeBps Grade factor in basis points, 1 to {MAX_GRADE_BPS}.
    /// @param pricePerKg Price on the receipt, smallest unit of the terms' token per kilogram; for the record only.
    struct Booking {
        uint64 receipt;
        address farmer;
        Gtin gtin;
        uint40 grams;
        uint16 gradeBps;
        uint96 pricePerKg;
    }

    event DeliveryBooked(
        address indexed cooperative,
        uint64 indexed receipt,
        address indexed farmer,
        Gtin gtin,
        uint40 grams,
        uint16 gradeBps,
        uint96 pricePerKg,
        TermsId terms,
        address signer
    );
    event DeliveryVoided(address indexed cooperative, uint64 indexed receipt, string reason, address signer);
    event DeliveryEntered(address indexed cooperative, uint64 indexed receipt, BatchId indexed batch);

    /// @notice Thrown when the receipt number is 0 or was used before.
    error Deliveries_ReceiptTaken(address cooperative, uint64 receipt);
    /// @notice Thrown when the farmer is not enrolled as one by this cooperative.
    error Deliveries_NotMyFarmer(address cooperative, address farmer);
    /// @notice Thrown when the farmer is suspended.
    error Deliveries_FarmerSuspended(address farmer);
    /// @notice Thrown when the product belongs to another cooperative, or to none.
    error Deliveries_NotMyProduct(address cooperative, Gtin gtin);
    /// @notice Thrown when no terms were published for the product yet.
    error Deliveries_NoTerms(Gtin gtin);
    /// @notice Thrown when the farmer is also a payee of the terms.
    error Deliveries_FarmerIsPayee(address farmer);
    /// @notice Thrown when a weight is 0.
    error Deliveries_NoWeight(uint64 receipt);
    /// @notice Thrown when a grade factor is 0 or above {MAX_GRADE_BPS}.
    error Deliveries_GradeInvalid(uint64 receipt, uint16 gradeBps);
    /// @notice Thrown when a delivery is not free to enter a batch or to be voided.
    error Deliveries_NotBooked(address cooperative, uint64 receipt, Status status);
    /// @notice Thrown when a delivery's terms are not those of the batch it is to enter.
    error Deliveries_TermsDiffer(uint64 receipt, TermsId delivery, TermsId batch);
    /// @notice Thrown when somebody else than the batches' contract enters deliveries.
    error Deliveries_OnlyBatches(address caller);
    /// @notice Thrown when a reason is empty or longer than 512 bytes.
    error Deliveries_ReasonInvalid(uint256 length);

    /// @notice Largest grade factor: 20,000, twice the plain grade.
    function MAX_GRADE_BPS() external view returns (uint16);

    /// @notice Books deliveries at the caller's scale.
    /// @dev Emits {DeliveryBooked} for each. All or none.
    /// Requirements, for each: the caller is a cooperative (or its clerk); the receipt number is new; the farmer is its
    /// own and not suspended; the product is its own and has terms; weight and grade factor are in range.
    function book(Booking[] calldata bookings) external;

    /// @notice Declares a booking wrong. It stays on the record and can enter no batch.
    /// @dev Emits {DeliveryVoided}. Requirements: the caller is the cooperative; it has not entered a batch.
    function voidDelivery(uint64 receipt, string calldata reason) external;

    /// @notice Enters deliveries into a batch. Only the batches' contract calls it.
    /// @dev Emits {DeliveryEntered} for each. Requirements: each is booked and has `terms`, or, when `terms` is 0, those
    /// of the first.
    /// @return entered The deliveries, in order.
    function enter(address cooperative, uint64[] calldata receipts, BatchId batch, TermsId terms)
        external
        returns (Delivery[] memory entered);

    /// @notice A delivery; zeros if there is none of that number.
    function deliveryOf(address cooperative, uint64 receipt) external view returns (Delivery memory);
}
