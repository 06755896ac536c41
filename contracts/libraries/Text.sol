// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

/// @title What text the contracts take
library Text {
    /// @dev Longest reason, in bytes: some 170 Chinese characters.
    uint256 internal constant MAX_REASON = 512;

    /// @dev Longest event payload, in bytes.
    uint256 internal constant MAX_PAYLOAD = 8_192;

    /// @notice Whether `code` is 1 to `longest` printable ASCII characters without spaces, then zeros only.
    function isCode(bytes32 code, uint256 longest) internal pure returns (bool) {
        uint256 length;
        while (length < longest && code[length] != 0) {
            if (code[length] < 0x21 || code[length] > 0x7e) return false;
            ++length;
        }
        return length != 0 && (length == 32 || uint256(code) << (8 * length) == 0);
    }

    /// @notice Whether `lot` is a GS1 batch or lot number (AI 10): 1 to 20 characters of the GS1 character set 82, then
    /// zeros only. Source: GS1 General Specifications, figure 7.11-1. The lots `.` and `..` are refused: they cannot stand
    /// in a link.
    function isLot(bytes20 lot) internal pure returns (bool) {
        if (!isCode(lot, 20) || lot == "." || lot == "..") return false;
        for (uint256 i; i < 20; ++i) {
            bytes1 c = lot[i];
            // The printable ASCII characters that the set leaves out: # $ @ [ \ ] ^ ` { | } ~
            if (
                c == "#" || c == "$" || c == "@" || (c >= "[" && c <= "^") || c == "`" || (c >= "{" && c <= "~")
            ) return false;
        }
        return true;
    }

    /// @notice Whether a reason says something and is not too long.
    function isReason(string calldata reason) internal pure returns (bool) {
        return bytes(reason).length != 0 && bytes(reason).length <= MAX_REASON;
    }

    /// @notice Whether a payload has the outside of a JSON object. The inside is checked before it is signed, and again
    /// by every reader.
    function looksLikeJsonObject(bytes calldata payload) internal pure returns (bool) {
        return payload.length >= 2 && payload[0] == "{" && payload[payload.length - 1] == "}";
    }

    /// @notice Whether a GTIN-14 is a number of at most 14 digits with a right check digit (modulo 10, weights 3 and 1).
    function isGtin(uint64 gtin) internal pure returns (bool) {
        if (gtin == 0 || gtin >= 1e14) return false;
        uint256 rest = gtin / 10;
        uint256 sum = gtin % 10;
        for (uint256 weight = 3; rest != 0; rest /= 10) {
            sum += weight * (rest % 10);
            weight = 4 - weight;
        }
        return sum % 10 == 0;
    }
}
