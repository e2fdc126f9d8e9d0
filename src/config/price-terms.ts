/** How sources of coin prices answer. */
export const COIN_SHAPES = ["whattomine", "minerstat", "pool-status", "json"] as const;

/** How sources of electricity prices answer. */
export const RATE_SHAPES = ["octopus", "tibber", "nord-pool", "entsoe", "awattar", "csv"] as const;
export type RateShape = (typeof RATE_SHAPES)[number];

/** How pools tell what they credited to a wallet. */
export const ACCOUNT_SHAPES = ["yiimp", "open-pool", "nicehash", "json"] as const;
export type AccountShape = (typeof ACCOUNT_SHAPES)[number];

/** How sources of rental prices answer: reference prices by the line, a search at Vast.ai, or any JSON. */
export const RENTAL_SHAPES = ["csv", "vast", "json"] as const;

/** `USD/TH` for work that was done, `BTC/GH/s/day` for a hashrate kept up that long. */
export const HASH_PRICE_UNIT = /^([A-Z]{3,5})\/([kMGTPE]?)H(\/s\/(?:h|day))?$/;
