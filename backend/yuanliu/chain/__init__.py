"""The only room that talks to a chain: compiler, node, deployment, bindings, relayer."""
