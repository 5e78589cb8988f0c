"""What the endpoints of the embedded issuer work with."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends

from pathline_gateway.auth.dev_issuer.authorization_codes import AuthorizationCodes
from pathline_gateway.auth.dev_issuer.issuer import Issuer
from pathline_gateway.web.context import service

OwnIssuer = Annotated[Issuer, Depends(service(Issuer))]
Codes = Annotated[AuthorizationCodes, Depends(service(AuthorizationCodes))]
