// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {ERC2771Context} from "@openzeppelin/contracts/metatx/ERC2771Context.sol";
import {ERC2771Forwarder} from "@openzeppelin/contracts/metatx/ERC2771Forwarder.sol";
import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {SignatureChecker} from "@openzeppelin/contracts/utils/cryptography/SignatureChecker.sol";

/// @title The relay (ERC-2771)
/// @notice People sign, anyone relays. One serves all contracts; it is part of {Actors}, so that the contract that is
/// asked for the signer's roles is warm already (2,500 gas less for each act).
///
/// OpenZeppelin's forwarder with the signature check opened to every kind of key:
///
/// - an ordinary account: 65 bytes, ECDSA;
/// - a contract wallet: whatever its ERC-1271 check takes;
/// - a key without an account, P-256 or WebAuthn (ERC-7913): `abi.encode(bytes signer, bytes signature)`, where
///   `signer` is `verifier ‖ key` and `from` is {keyAddress} of it.
///
/// Warning: in `executeBatch`, pass a refund receiver that is not zero; with it a request that fails, or whose signature
/// is bad, does not stop the others.
abstract contract Forwarder is ERC2771Forwarder, ERC2771Context {
    /// @param to One of the contracts that trust this relay.
    /// @param data Function and arguments.
    struct InnerCall {
        address to;
        bytes data;
    }

    /// @notice Thrown when one of the calls made {together} fails: its place, from 0, and what it reverted with.
    error Forwarder_CallFailed(uint256 index, bytes reason);

    /// @dev Gas that checking one signature may use where it is more than ECDSA. WebAuthn takes about 30,000, a wallet of
    /// several owners 100,000.
    uint256 private constant SIGNATURE_GAS = 400_000;

    constructor() ERC2771Forwarder("Yuanliu") ERC2771Context(address(this)) {}

    /// @notice Makes several calls in the caller's name: all of them, or none if one fails.
    /// @dev For what must not be done in part. It is signed as one request, so that nobody can relay a part of it, and its
    /// failure uses up one nonce and no other request's. ({executeBatch} without a refund receiver reverts for a request
    /// that is not valid, but not for one whose call fails.)
    /// Requirements: each target trusts this relay; each call succeeds.
    function together(InnerCall[] calldata calls) external {
        address signer = _msgSender();
        for (uint256 i; i < calls.length; ++i) {
            address to = calls[i].to;
            if (!_isTrustedByTarget(to)) revert ERC2771UntrustfulTarget(to, address(this));
            // slither-disable-next-line calls-loop,low-level-calls -- as {executeBatch} does; `signer` is ours, not the caller's
            (bool success, bytes memory reason) = to.call(abi.encodePacked(calls[i].data, signer));
            if (!success) revert Forwarder_CallFailed(i, reason);
        }
    }

    /// @notice The address that a key without an account acts under.
    /// @param signer `verifier ‖ key` as in ERC-7913.
    function keyAddress(bytes memory signer) public pure returns (address) {
        return address(uint160(uint256(keccak256(signer))));
    }

    /// @notice Whether `from` signed `digest`, with any of the kinds of key above.
    function isSigned(address from, bytes32 digest, bytes calldata signature) public view returns (bool) {
        if (_recovers(from, digest, signature)) return true;
        if (from.code.length != 0 && SignatureChecker.isValidERC1271SignatureNowCalldata(from, digest, signature)) {
            return true;
        }
        (bool wellFormed, bytes calldata signer, bytes calldata inner) = _twoBytes(signature);
        return wellFormed && signer.length > 20 && keyAddress(signer) == from
            && SignatureChecker.isValidSignatureNow(signer, digest, inner);
    }

    /// @inheritdoc ERC2771Forwarder
    function _recoverForwardRequestSigner(ForwardRequestData calldata request)
        internal
        view
        override
        returns (bool isValid, address signer)
    {
        signer = request.from;
        bytes32 digest = _hashTypedDataV4(
            keccak256(
                abi.encode(
                    FORWARD_REQUEST_TYPEHASH,
                    signer,
                    request.to,
                    request.value,
                    request.gas,
                    nonces(signer),
                    request.deadline,
                    keccak256(request.data)
                )
            )
        );
        if (_recovers(signer, digest, request.signature)) return (true, signer);
        // A stranger's code checks the rest. With a gas of its own, so that one wallet cannot sink a whole batch.
        try this.isSigned{gas: SIGNATURE_GAS}(signer, digest, request.signature) returns (bool signed) {
            isValid = signed;
        } catch {}
    }

    /// @dev By signature alone: an account that delegated its code (EIP-7702) still signs with its key.
    function _recovers(address from, bytes32 digest, bytes calldata signature) private pure returns (bool) {
        // slither-disable-next-line unused-return -- the error says enough
        (address recovered, ECDSA.RecoverError err,) = ECDSA.tryRecoverCalldata(digest, signature);
        return err == ECDSA.RecoverError.NoError && recovered == from;
    }

    /// @dev `abi.decode(data, (bytes, bytes))` that answers false instead of reverting, so that one malformed signature
    /// cannot stop a batch.
    function _twoBytes(bytes calldata data)
        private
        pure
        returns (bool wellFormed, bytes calldata first, bytes calldata second)
    {
        first = second = data[0:0];
        if (data.length < 128) return (false, first, second);
        (bool firstFits, bytes calldata a) = _bytesAt(data, uint256(bytes32(data[0:32])));
        (bool secondFits, bytes calldata b) = _bytesAt(data, uint256(bytes32(data[32:64])));
        return (firstFits && secondFits, a, b);
    }

    function _bytesAt(bytes calldata data, uint256 offset) private pure returns (bool, bytes calldata) {
        if (offset > data.length - 32) return (false, data[0:0]);
        uint256 start = offset + 32;
        uint256 length = uint256(bytes32(data[offset:start]));
        if (length > data.length - start) return (false, data[0:0]);
        return (true, data[start:start + length]);
    }
}
