// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {Acting} from "./Acting.sol";
import {IActors} from "./interfaces/IActors.sol";
import {ICatalogue} from "./interfaces/ICatalogue.sol";
import {IDeliveries} from "./interfaces/IDeliveries.sol";
import {Roles} from "./libraries/Roles.sol";
import {TermsCode} from "./libraries/TermsCode.sol";
import {Text} from "./libraries/Text.sol";
import {BatchId, TermsId} from "./libraries/Types.sol";

/// @title Deliveries
contract Deliveries is IDeliveries, Acting {
    /// @inheritdoc IDeliveries
    uint16 public constant MAX_GRADE_BPS = 20_000;

    ICatalogue public immutable CATALOGUE;
    address public immutable BATCHES;

    mapping(address cooperative => mapping(uint64 receipt => Delivery)) private _deliveries;

    constructor(ICatalogue catalogue, address batches, IActors actors) Acting(actors) {
        CATALOGUE = catalogue;
        BATCHES = batches;
    }

    /// @inheritdoc IDeliveries
    function book(Booking[] calldata bookings) external {
        (address cooperative, address signer,) = _actorWith(Roles.COOPERATIVE);
        for (uint256 i; i < bookings.length; ++i) {
            _book(cooperative, signer, bookings[i]);
        }
    }

    function _book(address cooperative, address signer, Booking calldata b) private {
        // Check
        Delivery storage delivery = _deliveries[cooperative][b.receipt];
        if (b.receipt == 0 || delivery.status != Status.None) revert Deliveries_ReceiptTaken(cooperative, b.receipt);
        if (b.grams == 0) revert Deliveries_NoWeight(b.receipt);
        if (b.gradeBps == 0 || b.gradeBps > MAX_GRADE_BPS) revert Deliveries_GradeInvalid(b.receipt, b.gradeBps);
        IActors.Actor memory farmer = ACTORS.actorOf(b.farmer);
        if (farmer.enroller != cooperative || farmer.roles & Roles.FARMER == 0) {
            revert Deliveries_NotMyFarmer(cooperative, b.farmer);
        }
        if (farmer.suspended) revert Deliveries_FarmerSuspended(b.farmer);
        ICatalogue.Product memory product = CATALOGUE.productOf(b.gtin);
        if (product.cooperative != cooperative) revert Deliveries_NotMyProduct(cooperative, b.gtin);
        if (product.inForce == TermsId.wrap(0)) revert Deliveries_NoTerms(b.gtin);
        // slither-disable-next-line unused-return -- the product is known
        (ICatalogue.Terms memory terms,) = TermsCode.read(address(CATALOGUE), product.inForce);
        if (b.farmer == terms.cooperativePayee || b.farmer == terms.platformPayee) {
            revert Deliveries_FarmerIsPayee(b.farmer);
        }
        // Effect
        _deliveries[cooperative][b.receipt] = Delivery({
            farmer: b.farmer,
            grams: b.grams,
            gradeBps: b.gradeBps,
            terms: product.inForce,
            status: Status.Booked
        });
        emit DeliveryBooked({
            cooperative: cooperative,
            receipt: b.receipt,
            farmer: b.farmer,
            gtin: b.gtin,
            grams: b.grams,
            gradeBps: b.gradeBps,
            pricePerKg: b.pricePerKg,
            terms: product.inForce,
            signer: signer
        });
    }

    /// @inheritdoc IDeliveries
    function voidDelivery(uint64 receipt, string calldata reason) external {
        // Check
        (address cooperative, address signer,) = _actorWith(Roles.COOPERATIVE);
        Delivery storage delivery = _deliveries[cooperative][receipt];
        if (delivery.status != Status.Booked) revert Deliveries_NotBooked(cooperative, receipt, delivery.status);
        if (!Text.isReason(reason)) revert Deliveries_ReasonInvalid(bytes(reason).length);
        // Effect
        delivery.status = Status.Voided;
        emit DeliveryVoided({cooperative: cooperative, receipt: receipt, reason: reason, signer: signer});
    }

    /// @inheritdoc IDeliveries
    function enter(address cooperative, uint64[] calldata receipts, BatchId batch, TermsId terms)
        external
        returns (Delivery[] memory entered)
    {
        if (msg.sender != BATCHES) revert Deliveries_OnlyBatches(msg.sender);
        entered = new Delivery[](receipts.length);
        for (uint256 i; i < receipts.length; ++i) {
            uint64 receipt = receipts[i];
            // Check
            Delivery storage stored = _deliveries[cooperative][receipt];
            Delivery memory delivery = stored;
            if (delivery.status != Status.Booked) revert Deliveries_NotBooked(cooperative, receipt, delivery.status);
            if (terms == TermsId.wrap(0)) terms = delivery.terms;
            if (delivery.terms != terms) revert Deliveries_TermsDiffer(receipt, delivery.terms, terms);
            // Effect
            stored.status = Status.Entered;
            emit DeliveryEntered({cooperative: cooperative, receipt: receipt, batch: batch});
            entered[i] = delivery;
        }
    }

    /// @inheritdoc IDeliveries
    function deliveryOf(address cooperative, uint64 receipt) external view returns (Delivery memory) {
        return _deliveries[cooperative][receipt];
    }
}
