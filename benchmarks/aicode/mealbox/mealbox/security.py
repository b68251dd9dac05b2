import asyncio
import hashlib
import hmac
import secrets

SCRYPT = {"n": 2**14, "r": 8, "p": 1}


def _scrypt(password: str, salt: bytes) -> bytes:
    return hashlib.scrypt(password.encode(), salt=salt, **SCRYPT)


async def hash_password(password: str) -> str:
    salt = secrets.token_bytes(16)
    digest = await asyncio.to_thread(_scrypt, password, salt)
    return f"{salt.hex()}${digest.hex()}"


async def verify_password(password: str, stored: str | None) -> bool:
    """Takes as long for an unknown user (stored is None) as for a wrong password."""
    salt, _, digest = (stored or f"{'00' * 16}$").partition("$")
    computed = await asyncio.to_thread(_scrypt, password, bytes.fromhex(salt))
    return stored is not None and hmac.compare_digest(computed.hex(), digest)


def token_hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
