// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

/// @title Who may act, and as what
/// @notice An actor is the address it was first enrolled with; that address names it for ever, in every record. The
/// keys that sign for it may change: the owner key, which the actor can replace (and its enroller can, after
/// {RECOVERY_DELAY}, when it is lost), and for a cooperative any number of clerks' keys.
///
/// Who enrols whom: a platform enrols cooperatives, carriers, retailers and platforms; a regulator enrols inspectors
/// and regulators; a cooperative enrols its farmers. The one who enrolled an actor, or a regulator, can suspend it.
/// Suspension stops writing, never the taking of money that is due.
///
/// No key is bound without its consent: whoever enrols an actor, appoints a clerk or brings in a new key hands in the
/// key's own signature of the EIP-712 struct `Consent(address party,uint8 level,uint16 roles,bytes16 code)`, made as for
/// the relay. `party` is the enroller, the cooperative, or the actor that the key is for; roles and code are those of an
/// enrolment, otherwise 0. Without it anyone could enrol a stranger's address, and then recover its key.
///
/// Nothing personal is stored: farmers appear by the code that their cooperative gave them.
interface IActors {
    /// @dev How a key stands to its actor.
    enum KeyLevel {
        None,
        Clerk,
        Owner,
        Retired
    }

    /// @param key The owner key now in force.
    /// @param roles Bits of {Roles}.
    /// @param suspended Whether it may not write at present.
    /// @param enrolledAt Unix time, seconds.
    /// @param enroller Actor who enrolled it; the actor itself for the first platform and regulator.
    /// @param suspendedBy Actor who suspended it last.
    /// @param code Its code among its enroller's actors: 1 to 16 printable ASCII characters, zero padded.
    struct Actor {
        address key;
        uint16 roles;
        bool suspended;
        uint40 enrolledAt;
        address enroller;
        address suspendedBy;
        bytes16 code;
    }

    /// @param key The key that is to become the owner key.
    /// @param readyAt Unix time, seconds, from which {completeRecovery} is possible.
    struct Recovery {
        address key;
        uint40 readyAt;
    }

    event ActorEnrolled(
        address indexed actor, address indexed enroller, uint16 roles, bytes16 code, address signer
    );
    event ActorSuspended(address indexed actor, address indexed by, string reason);
    event ActorReinstated(address indexed actor, address indexed by, string reason);
    event ClerkAppointed(address indexed cooperative, address indexed clerk);
    event ClerkDismissed(address indexed cooperative, address indexed clerk);
    event KeyRotated(address indexed actor, address indexed oldKey, address indexed newKey);
    event RecoveryProposed(address indexed actor, address indexed by, address newKey, uint40 readyAt);
    event RecoveryCancelled(address indexed actor, address indexed by);
    event PayoutRedirected(address indexed actor, address indexed payout);

    /// @notice Thrown when the signer's actor lacks every one of the roles that the act needs.
    error Actors_RoleMissing(address actor, uint16 roles, uint16 needed);
    /// @notice Thrown when a suspended actor tries to write.
    error Actors_Suspended(address actor);
    /// @notice Thrown when a replaced or dismissed key signs.
    error Actors_KeyRetired(address key);
    /// @notice Thrown when a clerk's key tries what only the owner key may do.
    error Actors_OwnerKeyNeeded(address actor, address key);
    /// @notice Thrown when a key already signs, or once signed, for some actor.
    error Actors_KeyTaken(address key, address actor);
    /// @notice Thrown when the key did not sign that it is to be bound so.
    error Actors_ConsentInvalid(address key, address party);
    /// @notice Thrown when nobody is enrolled under the address.
    error Actors_Unknown(address actor);
    /// @notice Thrown when roles are empty, unknown, or not the caller's to give.
    error Actors_RolesNotEnrollable(uint16 roles, uint16 enrollable);
    /// @notice Thrown when a code is empty, not printable ASCII, or has a gap.
    error Actors_CodeInvalid(bytes16 code);
    /// @notice Thrown when the enroller already gave the code to another actor.
    error Actors_CodeTaken(bytes16 code, address actor);
    /// @notice Thrown when neither the actor's enroller nor a regulator (nor, to reinstate, the suspender) acts.
    error Actors_NotSupervisor(address actor, address by);
    /// @notice Thrown when an actor is suspended twice, or reinstated without being suspended.
    error Actors_SuspensionUnchanged(address actor, bool suspended);
    /// @notice Thrown when a reason is empty or longer than 512 bytes.
    error Actors_ReasonInvalid(uint256 length);
    /// @notice Thrown when a key or payout address is zero.
    error Actors_ZeroAddress();
    /// @notice Thrown when a recovery is completed that was not proposed, or too early.
    error Actors_RecoveryNotReady(address actor, uint40 readyAt);
    /// @notice Thrown when a cooperative has as many clerks as it may have.
    error Actors_TooManyClerks(address cooperative, uint256 maximum);
    /// @notice Thrown when the key is no clerk of the cooperative.
    error Actors_NotClerk(address cooperative, address key);

    /// @notice Waiting time between the proposal and the completion of a key recovery, in seconds.
    function RECOVERY_DELAY() external view returns (uint40);

    /// @notice Enrols `actor` with `roles` under `code`.
    /// @dev Emits {ActorEnrolled}.
    /// Requirements: the caller is not suspended; `roles` are among those the caller may enrol; `actor` is a new key;
    /// `code` is well formed and new among the caller's; the actor's consent.
    function enrol(address actor, uint16 roles, bytes16 code, bytes calldata consent) external;

    /// @notice Stops an actor from writing.
    /// @dev Emits {ActorSuspended}. Warning: does not stop payouts and claims; the money is the actor's.
    /// Requirements: the caller is its enroller or a regulator; it is not suspended; a reason of 1 to 512 bytes.
    function suspend(address actor, string calldata reason) external;

    /// @notice Lets a suspended actor write again.
    /// @dev Emits {ActorReinstated}.
    /// Requirements: the caller suspended it or is a regulator; it is suspended; a reason of 1 to 512 bytes.
    function reinstate(address actor, string calldata reason) external;

    /// @notice Lets `clerk` sign for the calling cooperative, in all but keys, clerks, terms and payouts.
    /// @dev Emits {ClerkAppointed}. Requirements: the caller signs with a cooperative's owner key; `clerk` is a new key;
    /// it has fewer than 100 clerks; the clerk's consent.
    function appointClerk(address clerk, bytes calldata consent) external;

    /// @notice Takes that right back; the key can never be used again.
    /// @dev Emits {ClerkDismissed}. Requirements: the caller signs with the owner key; `clerk` is its clerk.
    function dismissClerk(address clerk) external;

    /// @notice Replaces the caller's owner key. The old key can never be used again.
    /// @dev Emits {KeyRotated}, and {RecoveryCancelled} if one was under way. Money that was going to the old key goes to
    /// the new one. Requirements: the caller signs with the owner key; `newKey` is a new key;
    /// its consent.
    function rotateKey(address newKey, bytes calldata consent) external;

    /// @notice Proposes to replace the lost owner key of an actor that the caller enrolled.
    /// @dev Emits {RecoveryProposed}. A second proposal replaces the first and starts the wait anew.
    /// Requirements: the caller is its enroller, not suspended, and signs with the owner key; `newKey` is a new key; its
    /// consent.
    function proposeRecovery(address actor, address newKey, bytes calldata consent) external;

    /// @notice Drops a proposed recovery.
    /// @dev Emits {RecoveryCancelled}. Requirements: the actor's owner key, its enroller or a regulator; one is under way.
    function cancelRecovery(address actor) external;

    /// @notice Puts a proposed key in force. Anyone may call it.
    /// @dev Emits {KeyRotated}. Requirements: {RECOVERY_DELAY} has passed since the proposal; the key is still new.
    function completeRecovery(address actor) external;

    /// @notice Sends the caller's future payouts to `payout` instead of its owner key; its own key again undoes it.
    /// @dev Emits {PayoutRedirected}. Requirements: the caller signs with an enrolled owner key; `payout` is not zero.
    function redirectPayout(address payout) external;

    /// @notice For whom `key` may write now. Somebody who was never enrolled acts for himself, without roles.
    /// @dev Requirements: the key is not retired and its actor is not suspended.
    /// @return actor Whom the record names as author.
    /// @return roles Bits of {Roles}; 0 for the unenrolled.
    function resolve(address key) external view returns (address actor, uint16 roles);

    /// @notice Where an actor's money goes. An unenrolled address is its own.
    function payoutOf(address actor) external view returns (address);

    /// @notice {payoutOf} of each of `actors`, in their order.
    function payoutsOf(address[] calldata actors) external view returns (address[] memory);

    /// @notice All that is known of an actor; zeros if it is not enrolled.
    function actorOf(address actor) external view returns (Actor memory);

    /// @notice For whom a key signs, and how.
    function keyOf(address key) external view returns (address actor, KeyLevel level);

    /// @notice The actor to whom `enroller` gave `code`, or zero.
    function byCode(address enroller, bytes16 code) external view returns (address);

    /// @notice The recovery under way for `actor`; zeros if none.
    function recoveryOf(address actor) external view returns (Recovery memory);
}
