import hashlib
import hmac
import secrets


def hash_password(password: str) -> str:
    salt = secrets.token_bytes(16)
    digest = hashlib.scrypt(password.encode(), salt=salt, n=2**14, r=8, p=1)
    return f"scrypt${salt.hex()}${digest.hex()}"


def verify_password(password: str, stored: str) -> bool:
    _, salt, digest = stored.split("$")
    found = hashlib.scrypt(password.encode(), salt=bytes.fromhex(salt), n=2**14, r=8, p=1)
    return hmac.compare_digest(found.hex(), digest)


# Checked when the account does not exist, so that both answers take as long.
DUMMY_HASH = hash_password("no such account")


def hash_token(token: str) -> str:
    """Tokens and API keys are long and random, so a plain digest is enough."""
    return hashlib.sha256(token.encode()).hexdigest()


def new_token() -> str:
    return "lht_" + secrets.token_urlsafe(32)


def new_api_key() -> str:
    return "lhk_" + secrets.token_urlsafe(32)
