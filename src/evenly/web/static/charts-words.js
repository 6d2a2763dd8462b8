// How the charts write numbers, dates and names: as the report does.

const WHOLE = new Intl.NumberFormat("en-US", { maximumFractionDigits: 0 });
const DIGITS = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9].map(
  (digits) => new Intl.NumberFormat("en-US", { maximumFractionDigits: digits }),
);
const DAY = 86_400_000;
const LARGEST_WHOLE = 1e15;

/** What shows nothing or steers what shows others: controls, format characters, surrogates, private use. */
const HIDDEN = /[\p{Cc}\p{Cf}\p{Co}\p{Cs}]/gu;
const JOINERS = "\u200c\u200d"; // without these some scripts and emoji fall apart

/** A number as people read it: thousands apart, as many digits as tell something. */
export const number = (value, digits = 4) => {
  if (value === null || value === undefined || !Number.isFinite(value)) return "–";
  if (Math.abs(value) >= LARGEST_WHOLE) return value.toPrecision(digits);
  if (Number.isInteger(value)) return WHOLE.format(value);
  const whole = Math.floor(Math.log10(Math.abs(value))) + 1;
  return DIGITS[Math.min(9, Math.max(0, digits - whole))].format(value);
};

/** The same without signs between thousands: 2026 is a year, not 2,026. */
export const plainNumber = (value) => number(value).replaceAll(",", "");

/** A day since 1970 as a date. */
export const day = (value) => {
  if (value === null || value === undefined || !Number.isFinite(value)) return "–";
  const time = new Date(Math.floor(value) * DAY);
  return Number.isNaN(time.getTime()) ? number(value) : time.toISOString().slice(0, 10);
};

/** Days since 1970 as the milliseconds in which drawings count time. */
export const milliseconds = (days) => days * DAY;

export const percent = (share) => {
  if (!Number.isFinite(share)) return "–";
  const hundredths = share * 100;
  if (hundredths > 0 && hundredths < 0.01) return "< 0.01 %";
  const digits = hundredths >= 10 || hundredths === 0 ? 0 : hundredths >= 1 ? 1 : 2;
  return `${DIGITS[digits].format(hundredths)} %`;
};

/** A name from the data on one line, with nothing hidden in it. */
export const spelled = (name) =>
  String(name).replace(HIDDEN, (one) => {
    if (JOINERS.includes(one)) return one;
    const code = one.codePointAt(0);
    return code < 0x20 ? String.fromCharCode(0x2400 + code) : `[U+${code.toString(16).toUpperCase().padStart(4, "0")}]`;
  });

/** What sets a quota, in the words of the legend. */
export const BOUND_WORDS = {
  take_all: "taken whole",
  capacity: "all there is",
  floor: "at the least",
  ceiling: "at the most",
  cap: "capped",
  share: "its share",
  target: "the target",
  marginals: "the marginals",
  size: "the size",
  "": "several together",
};
