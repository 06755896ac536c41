import { createConfig } from "ponder";

// What to follow comes from the bench: the node, the contract, the first and the last block.
const recorded = {
  type: "event",
  name: "Recorded",
  inputs: [
    { name: "batch", type: "uint256", indexed: true },
    { name: "previous", type: "bytes32", indexed: false },
    { name: "record", type: "bytes", indexed: false },
  ],
} as const;

export default createConfig({
  ordering: "omnichain",
  chains: {
    devnet: {
      id: 31337,
      rpc: process.env.FIELD_RPC_URL!,
      disableCache: true,
      pollingInterval: 200,
    },
  },
  contracts: {
    Batches: {
      chain: "devnet",
      abi: [recorded],
      address: process.env.FIELD_ADDRESS as `0x${string}`,
      startBlock: Number(process.env.FIELD_FIRST),
      endBlock: Number(process.env.FIELD_LAST),
    },
  },
});
