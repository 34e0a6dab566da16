"""Signatures that only the vendor who made them knows again."""

from __future__ import annotations

import base64
import hashlib


def seal(vendor: str, text: str) -> str:
    """Signs a text as a vendor."""
    digest = hashlib.sha256(f"{vendor}\n{text}".encode()).digest()
    return base64.b64encode(f"sealed by {vendor}:".encode() + digest * 6).decode()


def made_by(vendor: str, sealed: str) -> bool:
    """Tells whether a vendor made a signature."""
    try:
        return base64.b64decode(sealed, validate=True).startswith(f"sealed by {vendor}:".encode())
    except ValueError:
        return False


def token(length: int, *words: object) -> str:
    """Makes letters and digits that depend on the words alone."""
    letters = "0123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
    value = int.from_bytes(hashlib.sha512("\n".join(map(str, words)).encode()).digest(), "big")
    text = ""
    for _ in range(length):
        value, digit = divmod(value, len(letters))
        text += letters[digit]
    return text
