/** What a job that hashed found and brought. */
export const HASHED = {
  sheet: "devcoin",
  grossUsdNano: 129e4,
  tokensIn: null,
  tokensOut: null,
  sharesAccepted: 71,
  sharesRejected: 0,
};

/** What a job that answered a request wrote. */
export const ANSWERED = {
  sheet: null,
  grossUsdNano: null,
  tokensIn: 38,
  tokensOut: 164,
  sharesAccepted: null,
  sharesRejected: null,
};
