"""`python -m pathline_gateway` is `pathline-gateway`."""

from pathline_gateway.cli import main

if __name__ == "__main__":
    main()
