// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {BatchId, Gtin, TermsId} from "../libraries/Types.sol";
import {Split} from "../libraries/Split.sol";
import {IJournal} from "./IJournal.sol";

/// @title Batches: units, custody, history
/// @notice A batch is an ERC-1155 id whose supply is its units. Units come from deliveries ({register}) or from other
/// batches ({transform}), never from nothing; they move by a sale or by a hand-over that both sides sign.
///
/// Warning: the ERC-1155 functions that move units or approve operators always revert; custody has two sides.
interface IBatches is IJournal {
    /// @param head Journal head.
    /// @param cooperative Who registered it, sells it and answers for it.
    /// @param terms Its terms, for ever.
    /// @param flags Bits: 1 registered, 2 held, 4 recalled, 8 made from other batches.
    /// @param clearAt Epoch at which nothing that it was made from was recalled; see {refresh}.
    /// @param farmer The one farmer whose goods it is, or zero when it has a pool.
    /// @param price Price of one unit, smallest unit of the terms' token.
    /// @param totalWeight Sum of the members' weights.
    /// @param units Units it was registered with.
    /// @param massPerUnit Milligrams in one unit.
    /// @param grams Delivered grams, while deliveries are being collected.
    /// @param chunks Chunks of members committed.
    /// @param offers Number of offers made of its units.
    struct Batch {
        bytes32 head;
        address cooperative;
        TermsId terms;
        uint8 flags;
        uint56 clearAt;
        address farmer;
        uint96 price;
        uint64 totalWeight;
        uint64 units;
        uint32 massPerUnit;
        uint48 grams;
        uint16 chunks;
        uint32 offers;
    }

    /// @param gtin Product.
    /// @param lot GS1 batch or lot number (AI 10), ASCII, zero padded.
    /// @param units Units to mint; not 0.
    /// @param massPerUnit Milligrams in one unit; not 0.
    /// @param loss Declared loss, milligrams.
    /// @param price Price of one unit, smallest unit of the terms' token; at least the floor.
    struct Registration {
        Gtin gtin;
        bytes20 lot;
        uint64 units;
        uint32 massPerUnit;
        uint64 loss;
        uint96 price;
    }

    struct Input {
        BatchId batch;
        uint64 units;
    }

    /// @dev Like {Registration}; the loss is the transformation's.
    struct Output {
        Gtin gtin;
        bytes20 lot;
        uint64 units;
        uint32 massPerUnit;
        uint96 price;
        bytes payload;
    }

    /// @param from Sender, who gets the units back if the offer fails.
    /// @param units Units offered; 0 when the offer is closed.
    /// @param to Receiver.
    struct Offer {
        address from;
        uint64 units;
        address to;
    }

    /// @notice What {IPayments} needs to know of a sale.
    /// @param token ERC-20 to be paid in.
    /// @param farmer The one farmer, or zero: the farmers' share goes to the batch's pool.
    /// @param shares How the amount is shared.
    struct Sale {
        address token;
        address farmer;
        address cooperativePayee;
        address platformPayee;
        Split.Shares shares;
    }

    /// @notice Thrown when nothing was ever recorded of the batch, or it is still collecting deliveries.
    error Batches_Unknown(BatchId batch);
    /// @notice Thrown when a batch is registered again, or its lot is taken.
    error Batches_AlreadyRegistered(BatchId batch);
    /// @notice Thrown when a lot is empty, longer than 20 characters or outside the GS1 character set 82.
    error Batches_LotInvalid(bytes20 lot);
    /// @notice Thrown when the product is not the caller's, or has no terms.
    error Batches_NotMyProduct(address cooperative, Gtin gtin);
    /// @notice Thrown when the batch belongs to another cooperative.
    error Batches_NotMyBatch(BatchId batch, address cooperative, address by);
    /// @notice Thrown when units or mass per unit are 0.
    error Batches_NoUnits();
    /// @notice Thrown when outputs plus loss are not the inputs, in milligrams.
    error Batches_MassDiffers(uint256 inputs, uint256 outputsAndLoss);
    /// @notice Thrown when nothing, or more than 256 of something, is handed in at once.
    error Batches_CountInvalid(uint256 count, uint256 maximum);
    /// @notice Thrown when the deliveries are for another product.
    error Batches_TermsNotForProduct(TermsId terms, Gtin gtin);
    /// @notice Thrown when a price is below the floor.
    error Batches_PriceBelowFloor(uint96 price, uint96 floorPerUnit);
    /// @notice Thrown when the actor may not write an event of the kind on this batch.
    error Batches_KindNotAllowed(BatchId batch, Kind kind, address actor);
    /// @notice Thrown when a payload does not look like a JSON object.
    error Batches_PayloadNotJson();
    /// @notice Thrown when a payload is longer than 8,192 bytes.
    error Batches_PayloadTooLong(uint256 length, uint256 maximum);
    /// @notice Thrown when a reason is empty or longer than 512 bytes.
    error Batches_ReasonInvalid(uint256 length);
    /// @notice Thrown when a holder has fewer units than needed.
    error Batches_NotEnoughUnits(BatchId batch, address holder, uint256 held, uint256 needed);
    /// @notice Thrown when a batch is held after a failed inspection.
    error Batches_Held(BatchId batch);
    /// @notice Thrown when a batch, or one that it was made from, is recalled.
    error Batches_Recalled(BatchId batch);
    /// @notice Thrown when lineage deeper than 32 generations was not {refresh}ed since the last recall.
    error Batches_LineageStale(BatchId batch);
    /// @notice Thrown when a batch is released that is not held.
    error Batches_NotHeld(BatchId batch);
    /// @notice Thrown when the actor may not recall the batch, or not lift its recall.
    error Batches_RecallNotAllowed(BatchId batch, address by);
    /// @notice Thrown when a recall is lifted that was never made, or repeated by the same side.
    error Batches_RecallUnchanged(BatchId batch);
    /// @notice Thrown when the offer is closed, never was, or is not the caller's to answer.
    error Batches_OfferNotOpen(BatchId batch, uint32 offer, address by);
    /// @notice Thrown when an offer is made to nobody, to oneself, or to the contract, or units are sold to the contract.
    error Batches_ReceiverInvalid(address receiver);
    /// @notice Thrown when a correction names no record, or one record twice.
    error Batches_CorrectionInvalid(BatchId batch, bytes32 wrong, bytes32 corrective);
    /// @notice Thrown when readings have no root, are none, or were anchored for the batch before.
    error Batches_ReadingsInvalid();
    /// @notice Thrown when inputs are not in ascending order of their ids, each once.
    error Batches_InputsUnsorted(BatchId batch);
    /// @notice Thrown when batches paid in different tokens are to become one.
    error Batches_TokensDiffer(address token, address other);
    /// @notice Thrown when outputs together have a lower floor than the inputs had.
    error Batches_FloorLost(uint256 inputs, uint256 outputs);
    /// @notice Thrown when an output's terms give the farmers less of the margin than an input's did.
    error Batches_FarmerShareLost(uint16 input, uint16 output);
    /// @notice Thrown when the amount paid is below the floor price.
    error Batches_AmountBelowFloor(uint128 amount, uint256 floor);
    /// @notice Thrown when the amount paid is not price × units.
    error Batches_AmountDiffers(uint128 amount, uint256 due);
    /// @notice Thrown when somebody else than the payments' contract sells.
    error Batches_OnlyPayments(address caller);
    /// @notice Thrown by every ERC-1155 function that would move units or approve an operator.
    error Batches_HandOverOnly();

    // ------------------------------------------------------------------ making batches

    /// @notice Enters deliveries into a batch that is still being collected; opens it if need be. For more than 256
    /// deliveries: collect in parts, then {register} with the last part.
    /// @dev Appends Collected. Requirements: the caller is the cooperative; the product is its own; the batch is not
    /// registered yet; 1 to 256 deliveries, free, all under the same terms, which are the product's.
    /// @return batch Its id.
    function collect(Gtin gtin, bytes20 lot, uint64[] calldata receipts) external returns (BatchId batch);

    /// @notice Registers a batch: enters `receipts`, fixes terms, price and members, and mints its units.
    /// @dev Appends Registered, emits ERC-1155 `TransferSingle`. Warning: the terms are those of the deliveries, even if
    /// newer ones are in force.
    /// Requirements: as for {collect} (no receipts are needed if some were collected); the batch is new; units and mass
    /// not 0; units × mass per unit + loss = delivered mass; price at least the floor; a payload of JSON up to 8 KiB.
    function register(Registration calldata registration, uint64[] calldata receipts, bytes calldata payload)
        external
        returns (BatchId batch);

    /// @notice Merges, splits, grades or processes: burns input units, mints outputs. Each output's pool has the inputs'
    /// pools as members, weighted by mass; or, if all inputs are one farmer's, that farmer.
    /// @dev Appends Consumed to each input and Derived to each output. The terms that the farmers delivered under follow
    /// the goods: without the last two requirements, a cooperative could change them after delivery by selling the same
    /// goods as another product.
    /// Requirements: the caller is a cooperative and holds the inputs; inputs ascending by id, 1 to 256, none held or
    /// recalled; outputs 1 to 256, each a new batch of the caller's product with terms, paid in the inputs' token;
    /// outputs + loss = inputs in milligrams; the outputs' floor prices sum to at least the inputs'; no output gives the
    /// farmers less of the margin than any input.
    /// @param loss Declared loss, milligrams.
    function transform(Input[] calldata inputs, Output[] calldata outputs, uint64 loss)
        external
        returns (BatchId[] memory batches);

    /// @notice Changes the price of a unit.
    /// @dev Appends Priced. Requirements: the caller is the batch's cooperative; at least the floor.
    function setPrice(BatchId batch, uint96 price) external;

    // ------------------------------------------------------------------ events

    /// @notice Records a production or logistics event.
    /// @dev Appends a record of that kind. Requirements: production by the batch's cooperative or one of its farmers;
    /// logistics by the batch's cooperative, any carrier or any retailer; a payload of JSON up to 8 KiB.
    function record(BatchId batch, Kind kind, bytes calldata payload) external;

    /// @notice Records an inspection. A non-conformant one holds the batch; a conformant one releases it.
    /// @dev Appends Inspection. Requirements: the caller is an inspector; a payload of JSON up to 8 KiB.
    function inspect(BatchId batch, bool conformant, bytes calldata payload) external;

    /// @notice Anchors sensor readings by their Merkle root, with a summary.
    /// @dev Appends Readings. A reading's leaf is `keccak256(keccak256(reading))` over its exact bytes; nodes as in
    /// {Members}. Requirements: the caller is a carrier, retailer, inspector or the batch's cooperative; root and count
    /// not 0, the root new to the batch; a payload of JSON up to 8 KiB.
    function anchor(BatchId batch, bytes32 root, uint32 count, bytes calldata payload) external;

    /// @notice Declares a record wrong and names the one that corrects it. Both stay.
    /// @dev Appends Corrected. Warning: the contract keeps no records, so it does not know who wrote which, nor whether
    /// they exist; a reader must heed a correction only from the author of the wrong record or a regulator, and take any
    /// other as an objection. It changes no state: a hold stays.
    /// Requirements: the caller may write some kind of event; two different records; JSON up to 8 KiB.
    /// @param wrong Head after the wrong record: unlike its hash it names one place only.
    /// @param corrective Head after the record that says what is right.
    function correct(BatchId batch, bytes32 wrong, bytes32 corrective, bytes calldata payload) external;

    // ------------------------------------------------------------------ custody

    /// @notice Offers units to `to`. They are set aside until the offer is answered or withdrawn.
    /// @dev Appends Offered. Requirements: the caller holds the units; not held or recalled, unless back to the batch's
    /// cooperative; `to` is neither zero, the caller, nor the contract.
    /// @return number Its number within the batch, from 1.
    function offer(BatchId batch, address to, uint64 units) external returns (uint32 number);

    /// @notice Takes offered units.
    /// @dev Appends Accepted. Requirements: the offer is open and to the caller; not held or recalled meanwhile, unless
    /// the caller is the batch's cooperative.
    function accept(BatchId batch, uint32 number) external;

    /// @notice Refuses offered units; they go back to the sender.
    /// @dev Appends Refused. Requirements: the offer is open and to the caller; a reason of 1 to 512 bytes.
    function refuse(BatchId batch, uint32 number, string calldata reason) external;

    /// @notice Takes an offer back.
    /// @dev Appends Withdrawn. Requirements: the offer is open and the caller's own.
    function withdraw(BatchId batch, uint32 number) external;

    // ------------------------------------------------------------------ hold and recall

    /// @notice Releases a held batch.
    /// @dev Appends Released. Requirements: the caller is a regulator; the batch is held; a reason of 1 to 512 bytes.
    function release(BatchId batch, string calldata reason) external;

    /// @notice Recalls a batch and at once everything made from it: no sale, transformation or hand-over but back.
    /// @dev Appends Recalled. Requirements: the caller is the batch's cooperative or a regulator; not recalled yet, but a
    /// regulator may take over a cooperative's recall; a reason of 1 to 512 bytes.
    function recall(BatchId batch, string calldata reason) external;

    /// @notice Lifts a recall.
    /// @dev Appends RecallLifted. Requirements: the caller set it or is a regulator; a reason of 1 to 512 bytes.
    function liftRecall(BatchId batch, string calldata reason) external;

    /// @notice Whether neither the batch nor anything it was made from is recalled. Anyone may call it; it remembers the
    /// answer until the next recall, so that a sale need not walk the lineage. As an `eth_call` it is a view.
    /// @dev Requirements: at most 32 generations are stale; refresh the older ones first.
    function refresh(BatchId batch) external returns (bool clear);

    // ------------------------------------------------------------------ sale

    /// @notice Moves sold units from the batch's cooperative to `buyer` and says how `amount` is shared. Only the
    /// payments' contract calls it, in the transaction that moves the money.
    /// @dev Appends Sold, with `payer` as actor and signer. Warning: a cooperative's suspension does not stop the sale of
    /// what it registered; a recall does.
    /// Requirements: units not 0 and held by the cooperative; the buyer is not the contract; not
    /// held or recalled; amount at least the floor, and exactly price × units.
    function sell(BatchId batch, uint64 units, uint128 amount, address payer, address buyer, uint256 orderReference)
        external
        returns (Sale memory sale);

    // ------------------------------------------------------------------ reading

    /// @notice The id of a lot: `sha256(cooperative ‖ gtin (8, big-endian) ‖ lot (20))`.
    function idOf(address cooperative, Gtin gtin, bytes20 lot) external pure returns (BatchId);

    /// @notice A batch; zeros if it is unknown.
    function batchOf(BatchId batch) external view returns (Batch memory);

    /// @notice The batches that it was made from; empty for a harvest.
    function parentsOf(BatchId batch) external view returns (BatchId[] memory);

    /// @notice An offer; zeros if it never was.
    function offerOf(BatchId batch, uint32 number) external view returns (Offer memory);

    /// @notice Who recalled the batch itself; zero if nobody.
    function recalledBy(BatchId batch) external view returns (address);

    /// @notice Whether `reading`, to the byte, is one of those anchored for the batch under `root`.
    function isReading(BatchId batch, bytes32 root, bytes calldata reading, bytes32[] calldata proof)
        external
        view
        returns (bool);

    /// @notice What a claim needs: the members' total weight, and the root of one chunk of them (zero if there is none).
    function poolOf(BatchId batch, uint256 chunk) external view returns (uint64 totalWeight, bytes32 root);

    /// @notice The one farmer whose goods a batch is, or zero when it has a pool.
    function farmerOf(BatchId batch) external view returns (address);
}
