// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {Acting} from "./Acting.sol";
import {IActors} from "./interfaces/IActors.sol";
import {ICatalogue} from "./interfaces/ICatalogue.sol";
import {Roles} from "./libraries/Roles.sol";
import {Split} from "./libraries/Split.sol";
import {TermsCode} from "./libraries/TermsCode.sol";
import {Text} from "./libraries/Text.sol";
import {Gtin, TermsId} from "./libraries/Types.sol";

/// @title Catalogue
contract Catalogue is ICatalogue, Acting {
    mapping(address token => bool) public isListed;
    mapping(Gtin gtin => Product) private _products;
    mapping(address cooperative => address authority) private _authorities;
    uint32 private _termsCount;

    constructor(IActors actors) Acting(actors) {}

    /// @inheritdoc ICatalogue
    function listToken(address token, bool listed) external {
        // Check
        (address by,,) = _actorWith(Roles.PLATFORM);
        if (listed && token.code.length == 0) revert Catalogue_TokenNotListed(token);
        // Effect
        isListed[token] = listed;
        emit TokenListed({token: token, listed: listed, by: by});
    }

    /// @inheritdoc ICatalogue
    function listProduct(Gtin gtin, address cooperative, bytes3 unit) external {
        // Check
        (address by,,) = _actorWith(Roles.PLATFORM);
        if (!Text.isGtin(Gtin.unwrap(gtin))) revert Catalogue_GtinInvalid(gtin);
        address owner = _products[gtin].cooperative;
        if (owner != address(0)) revert Catalogue_GtinTaken(gtin, owner);
        if (ACTORS.actorOf(cooperative).roles & Roles.COOPERATIVE == 0) revert Catalogue_NotCooperative(cooperative);
        _checkUnit(unit);
        // Effect
        _products[gtin] = Product({cooperative: cooperative, inForce: TermsId.wrap(0), unit: unit});
        emit ProductListed({gtin: gtin, cooperative: cooperative, unit: unit, by: by});
    }

    /// @inheritdoc ICatalogue
    function publishTerms(Gtin gtin, Terms calldata terms) external returns (TermsId id) {
        // Check
        Product storage product = _products[gtin];
        address cooperative = product.cooperative;
        if (cooperative == address(0)) revert Catalogue_UnknownProduct(gtin);
        address authority = _checkAuthority(cooperative);
        _checkTerms(terms);
        // Effect
        id = TermsId.wrap(++_termsCount);
        TermsCode.publish(id, terms, gtin);
        product.inForce = id;
        emit TermsPublished({id: id, gtin: gtin, cooperative: cooperative, terms: terms, authority: authority});
    }

    /// @inheritdoc ICatalogue
    function setTermsAuthority(address cooperative, address authority) external {
        // Check
        address by = _checkAuthority(cooperative);
        if (authority == address(0)) revert Catalogue_ZeroAuthority();
        // Effect
        _authorities[cooperative] = authority;
        emit TermsAuthorityChanged({cooperative: cooperative, authority: authority, by: by});
    }

    /// @inheritdoc ICatalogue
    function productOf(Gtin gtin) external view returns (Product memory) {
        return _products[gtin];
    }

    /// @inheritdoc ICatalogue
    function termsOf(TermsId id) external view returns (Terms memory terms, Gtin gtin) {
        return TermsCode.read(address(this), id);
    }

    /// @inheritdoc ICatalogue
    function termsAuthorityOf(address cooperative) public view returns (address) {
        address authority = _authorities[cooperative];
        return authority == address(0) ? cooperative : authority;
    }

    /// @dev The authority is the actor, or address, that signed; a cooperative's clerks are not enough.
    function _checkAuthority(address cooperative) private view returns (address by) {
        address signer = _msgSender();
        // slither-disable-next-line unused-return -- no role is needed
        (by,) = ACTORS.resolve(signer);
        address authority = termsAuthorityOf(cooperative);
        if (by != authority) revert Catalogue_NotTermsAuthority(cooperative, authority, by);
        // slither-disable-next-line unused-return -- the actor is known
        (, IActors.KeyLevel level) = ACTORS.keyOf(signer);
        if (level == IActors.KeyLevel.Clerk) revert IActors.Actors_OwnerKeyNeeded(by, signer);
    }

    function _checkTerms(Terms calldata terms) private view {
        uint256 sum = uint256(terms.farmerBps) + terms.cooperativeBps + terms.platformBps;
        if (sum != Split.WHOLE_BPS) revert Catalogue_RatiosNotWhole(sum);
        if (terms.farmerBps < Split.MIN_FARMER_BPS) {
            revert Catalogue_FarmerShareTooLow(terms.farmerBps, Split.MIN_FARMER_BPS);
        }
        if (terms.cooperativePayee == address(0) || terms.platformPayee == address(0)) revert Catalogue_ZeroPayee();
        if (terms.cooperativePayee == terms.platformPayee) revert Catalogue_RepeatedPayee(terms.platformPayee);
        if (!isListed[terms.token]) revert Catalogue_TokenNotListed(terms.token);
    }

    function _checkUnit(bytes3 unit) private pure {
        for (uint256 i; i < 3; ++i) {
            bool letter = unit[i] >= "A" && unit[i] <= "Z";
            bool digit = unit[i] >= "0" && unit[i] <= "9";
            if (!letter && !digit) revert Catalogue_UnitInvalid(unit);
        }
    }
}
