"""Whether what is derived equals what is stored, and how it is built anew."""
