// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {ICatalogue} from "../../contracts/interfaces/ICatalogue.sol";
import {Gtin} from "../../contracts/libraries/Types.sol";
import {AnyActors, AnyToken} from "./Others.sol";
import {Proof, VM} from "./Proof.sol";

contract CatalogueProofs is Proof {
    AnyActors private _actors;
    ICatalogue private _catalogue;

    function setUp() public {
        _actors = new AnyActors();
        _catalogue = ICatalogue(_any("Catalogue.sol:Catalogue", abi.encode(_actors)));
    }

    /// @dev Listing is apart, and for one number: the check digit of any number is a loop without a bound.
    function prove_a_product_is_listed_once(address caller, address cooperative, bytes3 unit) external {
        Gtin gtin = Gtin.wrap(6901234567892);
        VM.assume(_catalogue.productOf(gtin).cooperative != address(0));
        VM.prank(caller);
        try _catalogue.listProduct(gtin, cooperative, unit) {
            assert(false);
        } catch {}
    }

    /// @dev A product stays its cooperative's, and only whom the cooperative named publishes terms for it.
    function prove_a_product_is_its_cooperatives(address caller, Gtin gtin) external {
        ICatalogue.Product memory before = _catalogue.productOf(gtin);
        VM.assume(before.cooperative != address(0) && caller != address(_actors));
        address authority = _catalogue.termsAuthorityOf(before.cooperative);
        (bytes memory data, bytes4 selector) = _anyData("Catalogue");
        VM.assume(selector != ICatalogue.listProduct.selector);
        VM.prank(caller);
        (bool done,) = address(_catalogue).call(data);
        VM.assume(done);
        ICatalogue.Product memory then = _catalogue.productOf(gtin);
        assert(then.cooperative == before.cooperative && then.unit == before.unit);
        if (then.inForce != before.inForce || _catalogue.termsAuthorityOf(before.cooperative) != authority) {
            (address actor,) = _actors.resolve(caller);
            assert(actor == authority);
        }
    }
}
