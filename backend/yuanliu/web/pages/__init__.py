"""Pages for people, made on the server, in Chinese and English. The index says what stands there; the reader checks."""
