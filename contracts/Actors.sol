// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {Forwarder} from "./Forwarder.sol";
import {IActors} from "./interfaces/IActors.sol";
import {Roles} from "./libraries/Roles.sol";
import {Text} from "./libraries/Text.sol";

/// @title Actors
contract Actors is IActors, Forwarder {
    /// @inheritdoc IActors
    uint40 public constant RECOVERY_DELAY = 7 days;

    bytes32 private constant CONSENT_TYPEHASH =
        keccak256("Consent(address party,uint8 level,uint16 roles,bytes16 code)");

    /// @dev Longest code of an actor, in bytes.
    uint256 private constant MAX_CODE = 16;

    /// @dev Most clerks of a cooperative: suspending it writes each key.
    uint256 private constant MAX_CLERKS = 100;

    /// @dev All that {resolve} needs, in one storage slot.
    struct Key {
        address actor;
        KeyLevel level;
        uint16 roles;
        bool suspended;
    }

    /// @dev The rest. Roles and suspension are those of the owner key.
    struct Enrolment {
        address key;
        uint40 enrolledAt;
        address enroller;
        address suspendedBy;
        bytes16 code;
    }

    mapping(address key => Key) private _keys;
    mapping(address actor => Enrolment) private _enrolments;
    // slither-disable-next-line uninitialized-state -- written through references
    mapping(address cooperative => address[]) private _clerks;
    mapping(address actor => Recovery) private _recoveries;
    /// @dev Where money goes if not to the address of the actor itself.
    mapping(address actor => address) private _payouts;
    mapping(address enroller => mapping(bytes16 code => address actor)) private _codes;

    constructor(address platform, address regulator) {
        _enrol(platform, platform, Roles.PLATFORM, "platform", platform);
        _enrol(regulator, regulator, Roles.REGULATOR, "regulator", regulator);
    }

    // ------------------------------------------------------------------ enrolment

    /// @inheritdoc IActors
    function enrol(address actor, uint16 roles, bytes16 code, bytes calldata consent) external {
        // Check
        address signer = _msgSender();
        (address enroller, uint16 own) = resolve(signer);
        uint16 enrollable = Roles.enrollable(own);
        if (roles == 0 || roles & ~enrollable != 0) revert Actors_RolesNotEnrollable(roles, enrollable);
        _checkConsent(actor, enroller, KeyLevel.Owner, roles, code, consent);
        // Effect
        _enrol(actor, enroller, roles, code, signer);
    }

    function _enrol(address actor, address enroller, uint16 roles, bytes16 code, address signer) private {
        if (!Text.isCode(code, MAX_CODE)) revert Actors_CodeInvalid(code);
        address taken = _codes[enroller][code];
        if (taken != address(0)) revert Actors_CodeTaken(code, taken);
        _claimKey(actor, Key({actor: actor, level: KeyLevel.Owner, roles: roles, suspended: false}));
        _codes[enroller][code] = actor;
        _enrolments[actor] = Enrolment({
            key: actor,
            enrolledAt: uint40(block.timestamp),
            enroller: enroller,
            suspendedBy: address(0),
            code: code
        });
        emit ActorEnrolled({actor: actor, enroller: enroller, roles: roles, code: code, signer: signer});
    }

    // ------------------------------------------------------------------ suspension

    /// @inheritdoc IActors
    function suspend(address actor, string calldata reason) external {
        // Check
        Enrolment storage e = _enrolled(actor);
        (address by, uint16 roles) = resolve(_msgSender());
        if (by != e.enroller && roles & Roles.REGULATOR == 0) revert Actors_NotSupervisor(actor, by);
        if (_keys[e.key].suspended) revert Actors_SuspensionUnchanged(actor, true);
        _checkReason(reason);
        // Effect
        _setSuspended(actor, e.key, true);
        e.suspendedBy = by;
        emit ActorSuspended({actor: actor, by: by, reason: reason});
    }

    /// @inheritdoc IActors
    function reinstate(address actor, string calldata reason) external {
        // Check
        Enrolment storage e = _enrolled(actor);
        (address by, uint16 roles) = resolve(_msgSender());
        if (by != e.suspendedBy && roles & Roles.REGULATOR == 0) revert Actors_NotSupervisor(actor, by);
        if (!_keys[e.key].suspended) revert Actors_SuspensionUnchanged(actor, false);
        _checkReason(reason);
        // Effect
        _setSuspended(actor, e.key, false);
        emit ActorReinstated({actor: actor, by: by, reason: reason});
    }

    function _setSuspended(address actor, address ownerKey, bool suspended) private {
        _keys[ownerKey].suspended = suspended;
        address[] storage clerks = _clerks[actor];
        for (uint256 i; i < clerks.length; ++i) {
            _keys[clerks[i]].suspended = suspended;
        }
    }

    // ------------------------------------------------------------------ keys

    /// @inheritdoc IActors
    function appointClerk(address clerk, bytes calldata consent) external {
        // Check
        Key memory owner = _owner();
        address cooperative = owner.actor;
        if (owner.roles & Roles.COOPERATIVE == 0) {
            revert Actors_RoleMissing(cooperative, owner.roles, Roles.COOPERATIVE);
        }
        address[] storage clerks = _clerks[cooperative];
        if (clerks.length == MAX_CLERKS) revert Actors_TooManyClerks(cooperative, MAX_CLERKS);
        _checkConsent(clerk, cooperative, KeyLevel.Clerk, 0, 0, consent);
        // Effect
        clerks.push(clerk);
        owner.level = KeyLevel.Clerk;
        _claimKey(clerk, owner);
        emit ClerkAppointed({cooperative: cooperative, clerk: clerk});
    }

    /// @inheritdoc IActors
    function dismissClerk(address clerk) external {
        // Check
        address cooperative = _owner().actor;
        Key storage k = _keys[clerk];
        if (k.actor != cooperative || k.level != KeyLevel.Clerk) revert Actors_NotClerk(cooperative, clerk);
        // Effect
        k.level = KeyLevel.Retired;
        address[] storage clerks = _clerks[cooperative];
        uint256 i;
        while (clerks[i] != clerk) ++i;
        clerks[i] = clerks[clerks.length - 1];
        clerks.pop();
        emit ClerkDismissed({cooperative: cooperative, clerk: clerk});
    }

    /// @inheritdoc IActors
    function rotateKey(address newKey, bytes calldata consent) external {
        // Check
        address actor = _owner().actor;
        _checkConsent(newKey, actor, KeyLevel.Owner, 0, 0, consent);
        // Effect
        _rotate(actor, newKey);
        if (_recoveries[actor].key != address(0)) _dropRecovery(actor, actor);
    }

    /// @inheritdoc IActors
    function proposeRecovery(address actor, address newKey, bytes calldata consent) external {
        // Check
        Enrolment storage e = _enrolled(actor);
        Key memory k = _owner();
        address by = k.actor;
        if (k.suspended) revert Actors_Suspended(by);
        if (by != e.enroller) revert Actors_NotSupervisor(actor, by);
        _checkNewKey(newKey);
        _checkConsent(newKey, actor, KeyLevel.Owner, 0, 0, consent);
        // Effect
        uint40 readyAt = uint40(block.timestamp) + RECOVERY_DELAY;
        _recoveries[actor] = Recovery({key: newKey, readyAt: readyAt});
        emit RecoveryProposed({actor: actor, by: by, newKey: newKey, readyAt: readyAt});
    }

    /// @inheritdoc IActors
    function cancelRecovery(address actor) external {
        // Check. Not by `resolve`: a suspended actor must still be able to defend its key.
        Enrolment storage e = _enrolled(actor);
        address signer = _msgSender();
        if (_recoveries[actor].key == address(0)) revert Actors_RecoveryNotReady(actor, 0);
        address by = actor;
        if (signer != e.key) {
            uint16 roles;
            (by, roles) = resolve(signer);
            bool mayCancel = (by == e.enroller && by != actor) || roles & Roles.REGULATOR != 0;
            if (!mayCancel) revert Actors_NotSupervisor(actor, by);
        }
        // Effect
        _dropRecovery(actor, by);
    }

    /// @inheritdoc IActors
    function completeRecovery(address actor) external {
        // Check
        Recovery memory r = _recoveries[actor];
        if (r.key == address(0) || block.timestamp < r.readyAt) revert Actors_RecoveryNotReady(actor, r.readyAt);
        // Effect
        delete _recoveries[actor];
        _rotate(actor, r.key);
    }

    /// @inheritdoc IActors
    function redirectPayout(address payout) external {
        // Check
        address actor = _owner().actor;
        if (payout == address(0)) revert Actors_ZeroAddress();
        // Effect
        _payouts[actor] = payout == actor ? address(0) : payout;
        emit PayoutRedirected({actor: actor, payout: payout});
    }

    function _rotate(address actor, address newKey) private {
        Enrolment storage e = _enrolments[actor];
        address oldKey = e.key;
        _claimKey(newKey, _keys[oldKey]);
        _keys[oldKey].level = KeyLevel.Retired;
        e.key = newKey;
        emit KeyRotated({actor: actor, oldKey: oldKey, newKey: newKey});
        if (payoutOf(actor) == oldKey) {
            _payouts[actor] = newKey;
            emit PayoutRedirected({actor: actor, payout: newKey});
        }
    }

    function _dropRecovery(address actor, address by) private {
        delete _recoveries[actor];
        emit RecoveryCancelled({actor: actor, by: by});
    }

    function _claimKey(address key, Key memory value) private {
        _checkNewKey(key);
        _keys[key] = value;
    }

    /// @dev Whether the key itself signed that it is to be bound so. A consent cannot be used twice: a key is new once.
    function _checkConsent(
        address key,
        address party,
        KeyLevel level,
        uint16 roles,
        bytes16 code,
        bytes calldata consent
    ) private view {
        bytes32 digest = _hashTypedDataV4(keccak256(abi.encode(CONSENT_TYPEHASH, party, level, roles, code)));
        if (!isSigned(key, digest, consent)) revert Actors_ConsentInvalid(key, party);
    }

    function _checkNewKey(address key) private view {
        if (key == address(0)) revert Actors_ZeroAddress();
        Key memory k = _keys[key];
        if (k.level != KeyLevel.None) revert Actors_KeyTaken(key, k.actor);
    }

    // ------------------------------------------------------------------ reading

    /// @inheritdoc IActors
    function resolve(address key) public view returns (address actor, uint16 roles) {
        Key memory k = _keys[key];
        if (k.level == KeyLevel.None) return (key, 0);
        if (k.level == KeyLevel.Retired) revert Actors_KeyRetired(key);
        if (k.suspended) revert Actors_Suspended(k.actor);
        return (k.actor, k.roles);
    }

    /// @inheritdoc IActors
    function payoutOf(address actor) public view returns (address) {
        address payout = _payouts[actor];
        return payout == address(0) ? actor : payout;
    }

    /// @inheritdoc IActors
    function payoutsOf(address[] calldata actors) external view returns (address[] memory payouts) {
        assembly ("memory-safe") {
            // `payoutOf` of each, in place: a settlement asks for hundreds.
            payouts := mload(0x40)
            mstore(payouts, actors.length)
            let at := add(payouts, 0x20)
            let end := add(at, shl(5, actors.length))
            mstore(0x40, end)
            calldatacopy(at, actors.offset, shl(5, actors.length))
            mstore(0x20, _payouts.slot)
            for {} lt(at, end) { at := add(at, 0x20) } {
                mstore(0x00, shr(96, shl(96, mload(at))))
                let payout := sload(keccak256(0x00, 0x40))
                if payout { mstore(at, payout) }
            }
        }
    }

    /// @inheritdoc IActors
    function actorOf(address actor) external view returns (Actor memory) {
        Enrolment memory e = _enrolments[actor];
        Key memory k = _keys[e.key];
        return Actor({
            key: e.key,
            roles: k.roles,
            suspended: k.suspended,
            enrolledAt: e.enrolledAt,
            enroller: e.enroller,
            suspendedBy: e.suspendedBy,
            code: e.code
        });
    }

    /// @inheritdoc IActors
    function keyOf(address key) external view returns (address actor, KeyLevel level) {
        Key memory k = _keys[key];
        return (k.actor, k.level);
    }

    /// @inheritdoc IActors
    function byCode(address enroller, bytes16 code) external view returns (address) {
        return _codes[enroller][code];
    }

    /// @inheritdoc IActors
    function recoveryOf(address actor) external view returns (Recovery memory) {
        return _recoveries[actor];
    }

    /// @dev The owner key that made the call, which is its actor's. A suspended actor may still look after its keys and its payout.
    function _owner() private view returns (Key memory k) {
        address signer = _msgSender();
        k = _keys[signer];
        if (k.level == KeyLevel.None) revert Actors_Unknown(signer);
        if (k.level == KeyLevel.Retired) revert Actors_KeyRetired(signer);
        if (k.level != KeyLevel.Owner) revert Actors_OwnerKeyNeeded(k.actor, signer);
    }

    function _enrolled(address actor) private view returns (Enrolment storage e) {
        e = _enrolments[actor];
        if (e.key == address(0)) revert Actors_Unknown(actor);
    }

    function _checkReason(string calldata reason) private pure {
        if (!Text.isReason(reason)) revert Actors_ReasonInvalid(bytes(reason).length);
    }
}
