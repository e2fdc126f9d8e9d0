import { z } from "zod";
import { watts } from "../units/energy.ts";
import { usdPerKwh } from "../units/money.ts";
import { seconds } from "../units/time.ts";
import { choice, flag, list, moment, number, path, secret, section, text, whole } from "./fields.ts";
import { ACCOUNT_SHAPES, COIN_SHAPES, HASH_PRICE_UNIT, RATE_SHAPES, RENTAL_SHAPES } from "./price-terms.ts";
import { coinName } from "./sheet-schema.ts";

const WEEK_S = 604_800;

const webUrl = () =>
  text(/^https?:\/\/[^\s@]{1,450}$/, 'an address such as "https://prices.example.org/today.json"').refine(
    (url) => URL.canParse(url.replace(/[{}]/g, "0")),
    { error: 'an address such as "https://prices.example.org/today.json"' },
  );
const pointer = () => text(/^(\/[^/]*)*$/, 'a JSON pointer such as "/prices/0"');
const currency = () => text(/^[A-Z]{3,5}$/, 'a currency such as "EUR" or "BTC"');
const percent = (max: number) => number(0, max, "percent");
const every = (least: number, usual: number) =>
  number(least, 86_400, "seconds").default(usual).describe("Between two questions; a source that fails is asked less.");

/** What a source at an address or in a file has in common with all others. */
const place = (base: string, least: number, usual: number) => ({
  url: z.exactOptional(webUrl()).describe("Of the answer; {today}, {tomorrow}, {start} and {end} are filled in."),
  file: z.exactOptional(path(base)).describe("Read again whenever it was written."),
  token: z.exactOptional(secret(base)).describe("Sent as a bearer token; to ENTSO-E as its securityToken."),
  everyS: every(least, usual),
});

interface Place {
  readonly url?: string | undefined;
  readonly file?: string | undefined;
}

const isOnePlace = ({ url, file }: Place): boolean => (url === undefined) !== (file === undefined);
const ONE_PLACE = { path: ["url"], error: "either url or file" };
/** Of what is guarded by what its source said before. */
const historyFrom = () =>
  z
    .exactOptional(moment())
    .describe("What it said before is not held against it: set to now, it accepts a jump that the agent warned of.");
const timed = <Fields extends { readonly everyS: number }>({ everyS, ...rest }: Fields) => ({
  ...rest,
  every: seconds(everyS),
});

const coinSource = (base: string) =>
  section({
    shape: choice(COIN_SHAPES),
    ...place(base, 60, 300),
    coin: z.exactOptional(coinName()).describe("The one that it prices; every one that is mined when absent."),
    tag: z.exactOptional(text(/^[\w .-]{1,64}$/, "a coin's tag")).describe("Of the coin at this source."),
    price: z.exactOptional(pointer()).describe("Of json: where the price stands."),
    unit: z.exactOptional(text(HASH_PRICE_UNIT, "a unit such as USD/TH or BTC/GH/s/day")).describe("Of json."),
    asOf: z.exactOptional(pointer()).describe("Of json: where its time stands, where it has one."),
    maxAgeS: number(60, WEEK_S, "seconds").default(3600).describe("Older than that it is not believed."),
    historyFrom: historyFrom(),
  })
    .refine(isOnePlace, ONE_PLACE)
    .refine(({ shape, price, unit }) => shape !== "json" || (price !== undefined && unit !== undefined), {
      path: ["unit"],
      error: "price and unit, because a number without its unit is no price",
    })
    .transform(({ maxAgeS, ...rest }) => ({ ...timed(rest), maxAge: seconds(maxAgeS) }));

const exchangeRate = (base: string) =>
  section({
    currency: currency(),
    usd: z.exactOptional(number(1e-9, 1e9, "USD")).describe("What one of it is worth, instead of asking."),
    ...place(base, 60, 900),
    price: z.exactOptional(pointer()).describe("Where the dollars for one of it stand."),
    perUsd: flag().default(false).describe("True where the figure is how much of it a dollar buys."),
    maxAgeS: number(60, WEEK_S, "seconds").default(86_400),
    historyFrom: historyFrom(),
  })
    .refine(
      ({ usd, price, ...at }) => (usd === undefined ? isOnePlace(at) && price !== undefined : !at.url && !at.file),
      {
        path: ["usd"],
        error: "either usd, or url or file with price",
      },
    )
    .transform(({ maxAgeS, ...rest }) => ({ ...timed(rest), maxAge: seconds(maxAgeS) }));

const TERMS = section({
  poolFeePct: percent(50).default(0).describe("Not taken off twice where a pool's figure is after its fee."),
  devFeePct: percent(50).default(0).describe("Of the miner program."),
  exchangeSpreadPct: percent(50).default(0).describe("What changing the coin into dollars loses."),
  payoutFeeUsd: number(0, 1000, "USD").default(0).describe("What one payout costs."),
  minimumPayoutUsd: number(0, 100_000, "USD").default(0).describe("What the pool pays out at once."),
})
  .refine(({ payoutFeeUsd, minimumPayoutUsd }) => payoutFeeUsd === 0 || payoutFeeUsd <= minimumPayoutUsd, {
    path: ["minimumPayoutUsd"],
    error: "at least payoutFeeUsd, because the fee is spread over a payout",
  })
  .prefault({});

const rental = (base: string) =>
  section({
    gpu: text(/^[\w .-]{1,64}$/, "a GPU's name").describe("The model in what `rigshift gpus` shows, such as RTX 3090."),
    askUsdPerHour: z.exactOptional(number(0.0001, 1000, "USD per GPU-hour")).describe("What the listing asks."),
    shape: choice(RENTAL_SHAPES)
      .default("csv")
      .describe("Of file or url: collected_at,provider,gpu,usd_per_gpu_hour; a search at Vast.ai; or any JSON."),
    ...place(base, 300, 3600),
    price: z.exactOptional(pointer()).describe("Of json: where the USD per GPU-hour stand."),
    occupancy: z.exactOptional(pointer()).describe("Of json: where the part that is rented stands, 0 to 1."),
    occupancyPct: percent(100).describe("Of the hours that it is really rented, at most."),
    platformCutPct: percent(90).default(0),
    maxAgeS: number(60, WEEK_S, "seconds").default(86_400).describe("Of vast and json."),
    historyFrom: historyFrom(),
  })
    .refine(({ askUsdPerHour, ...at }) => (askUsdPerHour === undefined ? isOnePlace(at) : !at.url && !at.file), {
      path: ["askUsdPerHour"],
      error: "either askUsdPerHour, url or file",
    })
    .refine(({ shape, price }) => shape !== "json" || price !== undefined, {
      path: ["price"],
      error: "where the price stands",
    })
    .transform(({ maxAgeS, ...rest }) => ({ ...timed(rest), maxAge: seconds(maxAgeS) }));

const poolAccount = (base: string) =>
  section({
    shape: choice(ACCOUNT_SHAPES),
    ...place(base, 300, 900),
    coin: z.exactOptional(coinName()).describe("Else the one that is mined."),
    pool: z
      .exactOptional(text(/^[\x21-\x7e]{1,300}$/, "the pool's url"))
      .describe("Its url among the pools, where the account is one of several pools of the coin."),
    currency: z.exactOptional(currency()).describe("Of open-pool and json: what the wallet is paid in."),
    unit: z
      .exactOptional(number(1e-18, 1, "of the currency"))
      .describe("Of open-pool and json: what 1 of its figures is, such as 1e-9 or 1."),
    balance: list(pointer(), 8).default([]).describe("Of json: where the parts of what is owed stand."),
    paid: z.exactOptional(pointer()).describe("Of json: where all that was ever paid out stands."),
  })
    .refine(isOnePlace, ONE_PLACE)
    .refine(({ shape, currency: of }) => isSelfTold(shape) || of !== undefined, {
      path: ["currency"],
      error: "what the wallet is paid in",
    })
    .refine(({ shape, unit }) => isSelfTold(shape) || unit !== undefined, {
      path: ["unit"],
      error: "what 1 of its figures is, because a number without its unit is no sum",
    })
    .refine(({ shape, balance }) => shape !== "json" || balance.length > 0, {
      path: ["balance"],
      error: "where what is owed stands",
    })
    .transform(({ unit = 1, ...rest }) => ({ ...timed(rest), unit }));

const isSelfTold = (shape: (typeof ACCOUNT_SHAPES)[number]): boolean => shape === "yiimp" || shape === "nicehash";

const tokenPrices = (base: string) =>
  section({
    ...place(base, 60, 900),
    in: pointer().describe("Where the USD for a million tokens read stand."),
    out: pointer().describe("Where the USD for a million tokens written stand."),
    maxAgeS: number(60, WEEK_S, "seconds").default(86_400),
    historyFrom: historyFrom(),
  })
    .refine(isOnePlace, ONE_PLACE)
    .transform(({ maxAgeS, ...rest }) => ({ ...timed(rest), maxAge: seconds(maxAgeS) }));

/** The section `market` of rig.yaml. */
export const market = (base: string) =>
  section({
    file: z
      .union([z.literal("sample"), path(base)], { error: '"sample" or a file path' })
      .prefault("sample")
      .describe(
        "Where prices come from while sources is empty; sample is the invented market that comes with Rigshift.",
      ),
    sources: list(coinSource(base), 16)
      .default([])
      .describe("Of the coin's price; the median of those that are fresh counts."),
    currencies: list(exchangeRate(base), 16).default([]).describe("What sources quote in beside USD."),
    privateHosts: list(text(/^[A-Za-z0-9.:_-]{1,253}$/, 'a host such as "homeassistant.lan"'), 32)
      .default([])
      .describe("Hosts of sources that may stand in the house; every other one must have a public address."),
    terms: TERMS.describe("What stands between the pool's estimate and the operator's purse."),
    payouts: z
      .exactOptional(path(base))
      .describe("What pools really credited: from,to,credited_usd,coin,pool. It corrects the estimates."),
    accounts: list(poolAccount(base), 16)
      .superRefine((accounts, context) => {
        const keys = accounts.map(({ coin = "", pool = "" }) => `${coin} ${pool}`);
        for (const [index, key] of keys.entries())
          if (keys.indexOf(key) < index)
            context.addIssue({ code: "custom", path: [index, "pool"], message: "another coin or pool than above" });
      })
      .default([])
      .describe("Of this rig alone at its pools: what they credit corrects the estimates, per coin and pool."),
    tokens: z.exactOptional(tokenPrices(base)).describe("What customers pay, instead of the prices in inference."),
    rentals: list(rental(base), 16).default([]).describe("What GPUs would bring at a marketplace, to compare with."),
  }).prefault({});

const QUARTER = /^(?:[01]?\d|2[0-4])(?::(?:00|15|30|45))?-(?:[01]?\d|2[0-4])(?::(?:00|15|30|45))?$/;
const WEEKDAYS = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];

function minuteOf(clock: string): number {
  const [hour = "0", minute = "0"] = clock.split(":");
  return (Number(hour) * 60 + Number(minute)) % 1440;
}

/** All from one to the other, around the end of `names` where need be. */
function spanOf(from: number, to: number, size: number, first: number): readonly number[] {
  const length = ((to - from + size) % size) + 1;
  return Array.from({ length }, (_, step) => ((from - first + step) % size) + first);
}

const ZONE = section({
  perKwh: number(-5, 1000, "per kWh"),
  hours: z.exactOptional(text(QUARTER, 'hours in quarters such as "22-6" or "7:30-9"')),
  days: z.exactOptional(
    text(/^(?:sun|mon|tue|wed|thu|fri|sat)(?:-(?:sun|mon|tue|wed|thu|fri|sat))?$/, 'days such as "mon-fri"'),
  ),
  months: z.exactOptional(text(/^(?:1[0-2]|[1-9])(?:-(?:1[0-2]|[1-9]))?$/, 'months such as "11-3"')),
}).transform(({ perKwh, hours, days, months }) => {
  const [from = "", to = from] = hours?.split("-") ?? [];
  const [day = "", lastDay = day] = days?.split("-") ?? [];
  const [month = "", lastMonth = month] = months?.split("-") ?? [];
  return {
    perKwh,
    ...(hours === undefined ? {} : { hours: { from: minuteOf(from), to: minuteOf(to) } }),
    ...(days === undefined ? {} : { days: spanOf(WEEKDAYS.indexOf(day), WEEKDAYS.indexOf(lastDay), 7, 0) }),
    ...(months === undefined ? {} : { months: spanOf(Number(month), Number(lastMonth), 12, 1) }),
  };
});

const CALENDAR = section({
  timeZone: text(/^[A-Za-z0-9_+/-]{1,64}$/, 'a time zone such as "Europe/Berlin"').refine((name) => isTimeZone(name), {
    error: 'a time zone such as "Europe/Berlin"',
  }),
  currency: currency().default("USD"),
  zones: list(ZONE, 64).describe("The last one that fits counts."),
});

function isTimeZone(name: string): boolean {
  try {
    return new Intl.DateTimeFormat("en-US", { timeZone: name }) !== undefined;
  } catch {
    // The only way to ask: an unknown name throws.
    return false;
  }
}

const series = (base: string) =>
  section({
    shape: choice(RATE_SHAPES),
    ...place(base, 300, 3600),
    area: z.exactOptional(text(/^[A-Z0-9-]{2,10}$/, "an area such as SE3")).describe("Of nord-pool."),
    currency: z.exactOptional(currency()).describe("Of csv."),
    payment: z.exactOptional(text(/^[A-Z_]{3,30}$/, "DIRECT_DEBIT or NON_DIRECT_DEBIT")).describe("Of octopus."),
  })
    .refine(isOnePlace, ONE_PLACE)
    .refine(({ shape, currency: of }) => shape !== "csv" || of !== undefined, {
      path: ["currency"],
      error: "the file's currency",
    })
    .refine(({ shape, area }) => shape !== "nord-pool" || area !== undefined, {
      path: ["area"],
      error: "an area such as SE3",
    })
    .transform(timed);

const BATTERY = section({
  maxDischargeW: number(0, 1_000_000, "watts").transform(watts),
  reservePct: percent(100).default(20).describe("Below it the rig takes nothing."),
  efficiencyPct: number(30, 100, "percent").default(90).describe("Each way."),
  priceUsd: number(0, 1_000_000, "USD"),
  cycles: whole(100, 100_000, "cycles").default(6000),
  usableKwh: number(0.1, 10_000, "kWh"),
});

const site = (base: string) =>
  section({
    ...place(base, 5, 15),
    exportW: pointer().describe("Where the watts that flow into the grid stand; below 0 while the house draws."),
    batteryPct: z.exactOptional(pointer()).describe("Where the battery's charge stands."),
    batteryW: z
      .exactOptional(pointer())
      .describe(
        "Where the watts stand that the battery gives, below 0 while it is charged; without it only what is fed in counts as surplus.",
      ),
    feedInUsdPerKwh: number(-5, 5, "USD per kWh").describe(
      "What a kilowatt-hour fed in pays; 0 while it is curtailed.",
    ),
    battery: z.exactOptional(BATTERY),
  })
    .refine(isOnePlace, ONE_PLACE)
    .refine(({ batteryPct, battery: cells }) => cells === undefined || batteryPct !== undefined, {
      path: ["batteryPct"],
      error: "where the battery's charge stands",
    })
    .transform(timed);

/** The section `electricity` of rig.yaml. */
export const electricity = (base: string) =>
  section({
    usdPerKwh: number(0, 10, "USD per kWh")
      .transform(usdPerKwh)
      .prefault(0.15)
      .describe(
        "What the rig pays for a kilowatt-hour; with a calendar or series, what is booked where these have a hole.",
      ),
    calendar: z.exactOptional(CALENDAR).describe("A tariff by time of use."),
    series: list(series(base), 8).default([]).describe("Prices by the hour or quarter, put together."),
    charges: section({
      perKwh: number(-10, 1000, "per kWh").default(0),
      taxPct: percent(200).default(0),
    })
      .prefault({})
      .describe("On top of the calendar or series, in its currency: (price + perKwh) × (1 + taxPct / 100)."),
    site: z.exactOptional(site(base)).describe("The house's connection: its own power is cheaper than the grid's."),
    demandCharge: z.exactOptional(
      section({
        usdPerKwMonth: number(0, 1000, "USD per kW and month"),
        floorKw: number(0, 10_000, "kW").default(2.5).describe("Billed whatever is drawn."),
      }),
    ),
  })
    .refine(({ calendar: plan, series: feeds }) => plan === undefined || feeds.length === 0, {
      path: ["calendar"],
      error: "either a calendar or series",
    })
    .transform(({ usdPerKwh: price, ...rest }) => ({ price, ...rest }))
    .prefault({});
