"""What consoles' codes prove, copied from the vendors' documents and independent of the drivers' tables.

Hikvision: names of the SDK's access control events (MINOR_…) and what they say was used. Dahua: `Method` of the HTTP
API. A code that is not here proves nothing.
"""

# MINOR_ name of a passed authentication, its code, and what was used.
HIKVISION_PASSED = """
LEGAL_CARD_PASS                       0x01 card
CARD_AND_PSW_PASS                     0x02 card pin
FINGERPRINT_COMPARE_PASS              0x26 finger
CARD_FINGERPRINT_VERIFY_PASS          0x28 card finger
CARD_FINGERPRINT_PASSWD_VERIFY_PASS   0x2b card finger pin
FINGERPRINT_PASSWD_VERIFY_PASS        0x2e finger pin
FACE_AND_FP_VERIFY_PASS               0x36 face finger
FACE_AND_PW_VERIFY_PASS               0x39 face pin
FACE_AND_CARD_VERIFY_PASS             0x3c face card
FACE_AND_PW_AND_FP_VERIFY_PASS        0x3f face pin finger
FACE_CARD_AND_FP_VERIFY_PASS          0x42 face card finger
EMPLOYEENO_AND_FP_VERIFY_PASS         0x45 finger
EMPLOYEENO_AND_FP_AND_PW_VERIFY_PASS  0x48 finger pin
FACE_VERIFY_PASS                      0x4b face
EMPLOYEENO_AND_FACE_VERIFY_PASS       0x4d face
EMPLOYEENO_AND_PW_PASS                0x65 pin
ORCODE_VERIFY_PASS                    0x9c qr
PASSWD_VERIFY_PASS                    0xb5 pin
"""
# Passed, and none of these proofs.
HIKVISION_PASSED_OTHERWISE = {
    0x10,
    0x22,
    0x69,
    0x90,
    0x95,
    0x99,
    0x9E,
    0x9F,
    0xB3,
    0xE2,
    0x700,
}
# FAIL, TIMEOUT, MISMATCH, INVALID and the like of major 5, with the reason in this system's words.
HIKVISION_REFUSED = {
    "wrong_pin": {0x03, 0x05, 0x0E, 0x66, 0x94, 0x96, 0x97},
    "second_factor_required": {
        0x04,
        0x2A,
        0x2D,
        0x30,
        0x38,
        0x3B,
        0x3E,
        0x41,
        0x44,
        0x47,
        0x4A,
        0x4F,
        0x67,
        0x9A,
        0x9B,
    },
    "first_person_required": {0x5E},
    "second_person_required": {0x0F, 0x23, 0x24},
    "no_access_level": {0x06, 0x0C, 0x80C},
    "outside_schedule": {0x07, 0x0D, 0x76},
    "expired": {0x08, 0xC3, 0xD4},
    "unknown_credential": {
        0x09,
        0x27,
        0x29,
        0x2C,
        0x2F,
        0x31,
        0x46,
        0x49,
        0x77,
        0x8B,
        0x91,
        0x98,
        0x9D,
        0xA0,
        0xA1,
        0xA2,
        0xA3,
        0xA4,
        0xA8,
        0xA9,
        0xAA,
        0xAB,
        0xB4,
        0xBC,
        0xBD,
        0xCA,
        0xCB,
        0x701,
    },
    "anti_passback": {0x0A, 0x78},
    "interlock": {0x0B, 0x805, 0x813},
    "unknown_face": {0x37, 0x3A, 0x3D, 0x40, 0x43, 0x4C, 0x4E, 0x50, 0x70},
    "liveness_failed": {0x68},
    "suspended": {0x71},
    "portal_locked": {0x75, 0x82, 0x84},
    "low_quality": {0xDF, 0x80F},
}

# Intelbras, "Open Door Method" (intelbras-caco-api.intelbras.com.br/parametros_retornados): those whose words say that
# each of these was used; "A or B", documents, remote checks and duress prove nothing.
DAHUA_METHODS = """
0 pin
1 card
2 card pin
3 card pin
6 finger
7 card finger pin
8 finger pin
9 card finger
14 qr
15 face
18 face
21 pin
22 face pin
23 finger pin
24 face finger
25 card face
31 face finger pin
32 card face pin
33 card finger pin
34 card face finger
38 card face finger pin
"""


def hikvision_factors() -> dict[int, frozenset[str]]:
    """By minor of major 5, the factors that it proves."""
    rows = (line.split() for line in HIKVISION_PASSED.split("\n") if line)
    return {int(code, 16): frozenset(used) for _, code, *used in rows}


def dahua_factors() -> dict[int, frozenset[str]]:
    """By Method, the factors that it proves."""
    rows = (line.split() for line in DAHUA_METHODS.split("\n") if line)
    return {int(method): frozenset(used) for method, *used in rows}
