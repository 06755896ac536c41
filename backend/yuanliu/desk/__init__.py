"""What only we know: accounts and their keys, intentions on their way to the chain, attachments."""
