import { onchainTable } from "ponder";

export const record = onchainTable("record", (t) => ({
  id: t.text().primaryKey(),
  batch: t.bigint().notNull(),
  previous: t.hex().notNull(),
  data: t.hex().notNull(),
  transaction: t.hex().notNull(),
  block: t.bigint().notNull(),
}));
