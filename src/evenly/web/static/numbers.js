// How numbers are written: thousands apart, as many digits as tell something.

const whole = new Intl.NumberFormat("en-US", { maximumFractionDigits: 0 });
const DAY = 86_400_000;

export function number(value, digits = 4) {
  if (value === null || value === undefined || !Number.isFinite(value)) return "–";
  if (Number.isInteger(value)) return whole.format(value);
  return new Intl.NumberFormat("en-US", { maximumSignificantDigits: Math.max(digits, Math.trunc(Math.log10(Math.abs(value) || 1)) + 1) }).format(value);
}

// How many of what: 1 row, 2 rows.
export const plural = (count, one, more) => `${number(count)} ${count === 1 ? one : more}`;

export function percent(part, all) {
  if (!all) return "–";
  return `${((100 * part) / all).toFixed(1)} %`;
}

// As a label reads: a number, or a date where labels are days since 1970.
export function labelled(value, dates) {
  if (value === null || value === undefined) return "–";
  return dates ? new Date(Math.floor(value) * DAY).toISOString().slice(0, 10) : number(value);
}

// 412,345,678 tokens are told as 412.3 M.
export function large(value) {
  if (value === null || value === undefined) return "–";
  for (const [unit, sign] of [[1e9, " G"], [1e6, " M"]]) {
    if (value >= unit) return `${(value / unit).toFixed(1)}${sign}`;
  }
  return number(value);
}
