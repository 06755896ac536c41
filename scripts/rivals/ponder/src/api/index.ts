import { Hono } from "hono";

// A server has to be there; `/ready` and `/metrics` are the program's own.
export default new Hono();
