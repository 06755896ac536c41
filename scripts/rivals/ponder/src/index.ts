import { ponder } from "ponder:registry";
import { record } from "ponder:schema";

ponder.on("Batches:Recorded", async ({ event, context }) => {
  await context.db.insert(record).values({
    id: event.id,
    batch: event.args.batch,
    previous: event.args.previous,
    data: event.args.record,
    transaction: event.transaction.hash,
    block: event.block.number,
  });
});
