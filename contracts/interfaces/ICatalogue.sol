// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {Gtin, TermsId} from "../libraries/Types.sol";

/// @title Products and the terms of sharing
/// @notice A product belongs to one cooperative. Its terms are published in versions that can never be changed; the
/// last one is in force for deliveries booked from then on, and a batch keeps the terms of its deliveries.
interface ICatalogue {
    /// @param token ERC-20 in which batches under these terms are paid. Assumptions: it moves exactly what it is asked
    /// to move, takes no fee and does not rebase; {IPayments} refuses payments where it does not.
    /// @param farmerBps Farmers' part of the margin, in basis points; at least 3,000.
    /// @param cooperativeBps Cooperative's part of the margin, in basis points.
    /// @param platformBps Platform's part of the margin, in basis points. The three sum to 10,000.
    /// @param cooperativePayee Where the cooperative's share goes.
    /// @param floorPerUnit Floor price of one unit, in the token's smallest unit (fen for yuan).
    /// @param platformPayee Where the platform's share goes.
    struct Terms {
        address token;
        uint16 farmerBps;
        uint16 cooperativeBps;
        uint16 platformBps;
        address cooperativePayee;
        uint96 floorPerUnit;
        address platformPayee;
    }

    /// @param cooperative Whose product it is.
    /// @param inForce Terms for deliveries booked now; 0 before the first publication.
    /// @param unit Unit of sale by UN/ECE Recommendation 20, e.g. "KGM", "GRM", "MLT", "H87" (piece).
    struct Product {
        address cooperative;
        TermsId inForce;
        bytes3 unit;
    }

    event TokenListed(address indexed token, bool listed, address indexed by);
    event ProductListed(Gtin indexed gtin, address indexed cooperative, bytes3 unit, address by);
    event TermsPublished(
        TermsId indexed id, Gtin indexed gtin, address indexed cooperative, Terms terms, address authority
    );
    event TermsAuthorityChanged(address indexed cooperative, address indexed authority, address by);

    /// @notice Thrown when a GTIN has more than 14 digits, is 0, or its check digit is wrong.
    error Catalogue_GtinInvalid(Gtin gtin);
    /// @notice Thrown when a product is listed again.
    error Catalogue_GtinTaken(Gtin gtin, address cooperative);
    /// @notice Thrown when no such product is listed.
    error Catalogue_UnknownProduct(Gtin gtin);
    /// @notice Thrown when a unit is not three capital letters or digits.
    error Catalogue_UnitInvalid(bytes3 unit);
    /// @notice Thrown when the address a product is listed for is no cooperative.
    error Catalogue_NotCooperative(address actor);
    /// @notice Thrown when the ratios do not sum to 10,000.
    error Catalogue_RatiosNotWhole(uint256 sumBps);
    /// @notice Thrown when the farmers' part of the margin is below 30 %.
    error Catalogue_FarmerShareTooLow(uint16 farmerBps, uint256 minimumBps);
    /// @notice Thrown when a payee is zero.
    error Catalogue_ZeroPayee();
    /// @notice Thrown when cooperative and platform have the same payee.
    error Catalogue_RepeatedPayee(address payee);
    /// @notice Thrown when the token of the terms is not listed, or a listed one has no code.
    error Catalogue_TokenNotListed(address token);
    /// @notice Thrown when somebody else than the cooperative's terms authority acts.
    error Catalogue_NotTermsAuthority(address cooperative, address authority, address by);
    /// @notice Thrown when an authority is zero.
    error Catalogue_ZeroAuthority();
    /// @notice Thrown when there are no terms of that number.
    error Catalogue_UnknownTerms(TermsId id);

    /// @notice Allows (or stops allowing) a token in terms published from now on.
    /// @dev Emits {TokenListed}. Warning: taking a token off the list does not touch published terms or their batches.
    /// Requirements: the caller is a platform; a token to be listed has code.
    function listToken(address token, bool listed) external;

    /// @notice Enters a product of a cooperative, once and for all.
    /// @dev Emits {ProductListed}. A platform does this, after checking the cooperative's GS1 licence: otherwise anyone
    /// could sit on another's GTIN. Requirements: the caller is a platform; the GTIN is well formed and new;
    /// `cooperative` is one; `unit` is a code of three characters.
    function listProduct(Gtin gtin, address cooperative, bytes3 unit) external;

    /// @notice Publishes terms for a product; they are in force for deliveries booked from now on.
    /// @dev Emits {TermsPublished}. Batches and deliveries that exist keep theirs.
    /// Requirements: the caller is the cooperative's terms authority; ratios sum to 10,000 with at least 3,000 for the
    /// farmers; two different payees; a listed token.
    function publishTerms(Gtin gtin, Terms calldata terms) external returns (TermsId id);

    /// @notice Hands the right to publish a cooperative's terms to `authority`, e.g. the members' ballot.
    /// @dev Emits {TermsAuthorityChanged}. At first it is the cooperative itself.
    /// Requirements: the caller is the present authority (with its owner key); `authority` is not zero.
    function setTermsAuthority(address cooperative, address authority) external;

    /// @notice The product, or zeros.
    function productOf(Gtin gtin) external view returns (Product memory);

    /// @notice Published terms by number, and the product they are for. Requirements: they exist.
    function termsOf(TermsId id) external view returns (Terms memory terms, Gtin gtin);

    /// @notice Who may publish the cooperative's terms.
    function termsAuthorityOf(address cooperative) external view returns (address);

    /// @notice Whether new terms may name the token.
    function isListed(address token) external view returns (bool);
}
