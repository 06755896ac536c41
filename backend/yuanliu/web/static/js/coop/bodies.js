// What each form asks for: its body for the API, and which field a refusal belongs to. `v` are the texts of the form.

import { decimal, fen, grams, moment, oneTimePassword } from "./page.js";

const MG_PER_GRAM = 1_000;
const lines = (v, name) => [v[name] ?? []].flat().filter((text) => text !== "");
const given = (text) => (text ?? "").trim();
const when = (text) => (text ? moment(new Date(text)) : moment());
const description = (v) => ({
  name_zh: given(v.name_zh),
  name_en: given(v.name_en),
  cooperative_zh: given(v.cooperative_zh),
  cooperative_en: given(v.cooperative_en),
  place_zh: given(v.place_zh),
  place_en: given(v.place_en),
  ...(given(v.picture) ? { picture: given(v.picture), picture_type: v.picture_type || "image/jpeg" } : {}),
});

// A laboratory's substances by their addresses, as the record names them.
const substance = (name) => `https://id.yuanliu.example/substance/${encodeURIComponent(given(name).toLowerCase().replace(/\s+/g, "-"))}`;

function temperature(v) {
  if (!given(v.t_min) && !given(v.t_max)) return {};
  const minimum = given(v.t_min).replace("−", "-");
  const maximum = given(v.t_max).replace("−", "-");
  const mean = given(v.t_mean).replace("−", "-") || String(Math.round((Number(minimum) + Number(maximum)) * 50) / 100);
  return { temperature: { minimum, maximum, mean, start: when(v.t_start || v.time), end: when(v.time) } };
}

export const BODIES = {
  farmer: (v) => ({
    login: given(v.code).toLowerCase(),
    kind: "farmer",
    display_name: given(v.name) || given(v.code),
    code: given(v.code),
    one_time_password: v.secret || (v.secret = oneTimePassword()),
  }),
  book: (v) => {
    const tare = given(v.tare) ? grams(v.tare) : 0;
    return {
      deliveries: [
        {
          receipt: Number(given(v.receipt)),
          farmer_code: given(v.farmer).split(/\s/)[0],
          gtin: v.gtin,
          grams: grams(v.gross) - tare,
          tare_grams: tare,
          grade_bps: decimal(v.grade, 2),
          price_per_kg: { fen: v.per === "jin" ? fen(v.price) * 2 : fen(v.price) },
        },
      ],
    };
  },
  void: (v) => ({ reason: given(v.reason) }),
  register: (v) => ({
    gtin: v.gtin,
    lot: given(v.lot),
    units: decimal(v.units, 0),
    milligrams_per_unit: decimal(v.unit_grams, 3),
    loss_milligrams: Number(v.loss_mg),
    price: { fen: fen(v.price) },
    receipts: lines(v, "receipts").map(Number),
    harvest: {
      time: moment(),
      place: given(v.place),
      harvested_on: v.harvested_on,
      description: description(v),
    },
  }),
  transform: (v) => ({
    inputs: lines(v, "input").map((batch) => ({ batch, units: decimal(v[`units-${batch}`], 0) })),
    outputs: lines(v, "out_lot").map((lot, n) => ({
      gtin: lines(v, "out_gtin")[n],
      lot: given(lot),
      units: decimal(lines(v, "out_units")[n] ?? "", 0),
      milligrams_per_unit: decimal(lines(v, "out_grams")[n] ?? "", 3),
      price: { fen: fen(lines(v, "out_price")[n] ?? "") },
      description: JSON.parse(v[`said-${lines(v, "out_gtin")[n]}`] || "{}"),
    })),
    loss_milligrams: Number(v.loss_mg),
    time: moment(),
    place: given(v.place),
  }),
  production: (v) => ({
    kind: "production",
    time: when(v.time),
    place: given(v.place),
    step: v.step,
    details: given(v.note) ? { note: given(v.note) } : {},
    photos: [],
  }),
  logistics: (v) => ({
    kind: "logistics",
    time: when(v.time),
    place: given(v.place),
    step: v.step,
    ...(given(v.source) ? { source: given(v.source) } : {}),
    ...(given(v.destination) ? { destination: given(v.destination) } : {}),
    ...temperature(v),
    photos: [],
  }),
  inspection: (v) => ({
    time: when(v.time),
    place: given(v.place),
    laboratory: given(v.laboratory),
    report_sha256: "",
    conformant: v.conformant === "yes",
    measurements: lines(v, "substance").map((name, n) => {
      const value = given([v.value].flat()[n]);
      const least = given([v.detection_limit].flat()[n]);
      return {
        substance: substance(name),
        ...(value ? { value } : {}),
        ...(least ? { detection_limit: least } : {}),
        limit: given([v.limit].flat()[n]),
        limit_source: given([v.limit_source].flat()[n]),
        method: given([v.method].flat()[n]),
      };
    }),
  }),
  price: (v) => ({ price: { fen: fen(v.price) }, seen: { fen: Number(v.seen) } }),
  offer: (v) => ({ to: v.to, units: decimal(v.units, 0) }),
  accept: () => null,
  withdraw: () => null,
  refuse: (v) => ({ reason: given(v.reason) }),
  recall: (v) => ({ reason: given(v.reason) }),
  lift: (v) => ({ reason: given(v.reason) }),
  release: (v) => ({ reason: given(v.reason) }),
};

// Where in the body a file's name goes.
export const TARGETS = {
  photos: () => ["photos"],
  report: () => ["report_sha256"],
  picture_new: () => ["harvest", "description", "picture"],
};

const CODES = {
  "contract.Deliveries_ReceiptTaken": "receipt",
  "contract.Deliveries_NotMyFarmer": "farmer",
  "contract.Deliveries_FarmerSuspended": "farmer",
  "contract.Deliveries_FarmerIsPayee": "farmer",
  "actor.unknown": "farmer",
  "contract.Deliveries_NoTerms": "gtin",
  "contract.Deliveries_NotBooked": "receipts",
  "contract.Deliveries_TermsDiffer": "receipts",
  "contract.Batches_AlreadyRegistered": "lot",
  "contract.Batches_FloorLost": "out_units",
  "contract.Batches_LotInvalid": "lot",
  "identifiers.lot_characters": "lot",
  "identifiers.lot_length": "lot",
  "contract.Batches_PriceBelowFloor": "price",
  "batch.price_changed": "price",
  "money.yuan_invalid": "price",
  "contract.Batches_MassDiffers": "units",
  "contract.Batches_NotEnoughUnits": "units",
  "contract.Batches_ReceiverInvalid": "to",
  "contract.Actors_CodeTaken": "code",
  "contract.Actors_CodeInvalid": "code",
  "actions.code_invalid": "code",
  "accounts.login_taken": ["code", "login"],
  "accounts.login_invalid": ["code", "login"],
  "accounts.name_invalid": "name",
  "attachments.not_found": "report",
  "epcis.verdict_contradicts": "conformant",
};

const PATHS = [
  [/receipt$/, "receipt"],
  [/receipts/, "receipts"],
  [/farmer_code$/, "farmer"],
  [/tare_grams$/, "tare"],
  [/grams$/, "gross"],
  [/grade_bps$/, "grade"],
  [/(price|price_per_kg)(\/\w+)?$/, "price"],
  [/gtin$/, "gtin"],
  [/lot$/, "lot"],
  [/units$/, "units"],
  [/milligrams_per_unit$/, "unit_grams"],
  [/place$/, "place"],
  [/harvested_on$/, "harvested_on"],
  [/time$/, "time"],
  [/reason$/, "reason"],
  [/display_name$/, "name"],
  [/login$/, ["code", "login"]],
  [/code$/, "code"],
  [/measurements\/\d+\/(\w+)/, null],
  [/(name|cooperative|place)_(zh|en)$/, null],
  [/laboratory$/, "laboratory"],
];

// Gives the names of the fields that a refusal is about; a form has one of those that mean the same.
export function fieldsOf(problem) {
  if (CODES[problem.code]) return [CODES[problem.code]].flat();
  const faults = problem.fields?.errors ?? [];
  return faults.flatMap(({ at }) => {
    for (const [pattern, name] of PATHS) {
      const found = pattern.exec(at);
      if (found) return name ?? found[1] ?? "";
    }
    return "";
  });
}
