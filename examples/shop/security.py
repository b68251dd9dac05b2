"""Passwords, tokens and who is asking."""

import hashlib
import hmac
import os
import secrets
from datetime import timedelta
from typing import Annotated

from fastapi import Depends, Header, HTTPException
from sqlalchemy import select
from sqlalchemy.orm import Session

from .database import get_db
from .models import AuthToken, Customer, now

ITERATIONS = 200_000
TOKEN_LIFE = timedelta(days=14)

Db = Annotated[Session, Depends(get_db)]


def hash_password(password: str) -> str:
    salt = secrets.token_bytes(16)
    digest = hashlib.pbkdf2_hmac("sha256", password.encode(), salt, ITERATIONS)
    return f"{salt.hex()}${digest.hex()}"


def verify_password(password: str, stored: str) -> bool:
    salt, _, digest = stored.partition("$")
    given = hashlib.pbkdf2_hmac("sha256", password.encode(), bytes.fromhex(salt), ITERATIONS)
    return hmac.compare_digest(given.hex(), digest)


def token_digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def issue_token(db: Session, customer: Customer) -> str:
    token = secrets.token_urlsafe(32)
    db.add(
        AuthToken(
            digest=token_digest(token), customer_id=customer.id, expires_at=now() + TOKEN_LIFE
        )
    )
    db.commit()
    return token


def current_customer(db: Db, authorization: Annotated[str, Header()] = "") -> Customer:
    scheme, _, token = authorization.partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise HTTPException(401, "Not logged in")
    found = db.scalar(select(AuthToken).where(AuthToken.digest == token_digest(token)))
    if found is None or found.expires_at < now():
        raise HTTPException(401, "Token is invalid or expired")
    return found.customer


def require_admin(x_admin_token: Annotated[str, Header()] = "") -> None:
    expected = os.environ.get("STORE_ADMIN_TOKEN", "")
    if not expected or not hmac.compare_digest(x_admin_token.encode(), expected.encode()):
        raise HTTPException(403, "Admins only")


Me = Annotated[Customer, Depends(current_customer)]
Admin = Depends(require_admin)
