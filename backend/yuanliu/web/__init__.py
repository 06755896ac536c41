"""What visitors and programs speak to: the HTTP API, the resolver, the EPCIS binding."""
