"""The OpenID Connect issuer of the development machine: accounts, codes and tokens of its own."""
