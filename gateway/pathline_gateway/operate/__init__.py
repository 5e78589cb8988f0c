"""What an operator asks for over HTTP: the register, and what is parked."""
