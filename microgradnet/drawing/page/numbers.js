'use strict';
// Numbers: fractions as pairs of whole numbers, as rows.fractions computes with them; written as on paper, read as typed.
class Ratio {
  constructor(above, below) { this.above = above; this.below = below; }
  valueOf() {
    const size = Math.max(this.above.toString(16).length, this.below.toString(16).length) * 4 - 1000;
    const shift = BigInt(Math.max(0, size));
    return Number(this.above >> shift) / Number(this.below >> shift);
  }
  toString() { return this.below === 1n ? `${this.above}` : `${this.above}/${this.below}`; }
}

function ratio(above, below = 1n) {
  let [a, b] = [above < 0n ? -above : above, below < 0n ? -below : below];
  while (b) [a, b] = [b, a % b];
  if (below < 0n) a = -a;
  return new Ratio(above / a, below / a);
}

const isExact = (...numbers) => numbers.every(number => number instanceof Ratio);
const plus = (a, b) => isExact(a, b) ? ratio(a.above * b.below + b.above * a.below, a.below * b.below) : Number(a) + Number(b);
const times = (a, b) => isExact(a, b) ? ratio(a.above * b.above, a.below * b.below) : Number(a) * Number(b);
const over = (a, b) => isExact(a, b) && b.above ? ratio(a.above * b.below, a.below * b.above) : Number(a) / Number(b);
const negative = a => isExact(a) ? new Ratio(-a.above, a.below) : -a;
const minus = (a, b) => plus(a, negative(b));
const size = a => isExact(a) ? new Ratio(a.above < 0n ? -a.above : a.above, a.below) : Math.abs(a);
const total = terms => terms.reduce(plus, ratio(0n));
const near = (f, ...operands) => f(...operands.map(Number));
function power(a, b) {
  if (!isExact(a, b) || b.below !== 1n || b.above > 10000n || b.above < -10000n || (b.above < 0n && !a.above)) return Number(a) ** Number(b);
  return b.above < 0n ? ratio(a.below ** -b.above, a.above ** -b.above) : new Ratio(a.above ** b.above, a.below ** b.above);
}
const order = (a, b) => isExact(a, b) ? Number(a.above * b.below - b.above * a.below) : Number(a) - Number(b);
const is_lt = (a, b) => order(a, b) < 0, is_gt = (a, b) => order(a, b) > 0;
const is_le = (a, b) => is_lt(a, b) || is_eq(a, b), is_ge = (a, b) => is_gt(a, b) || is_eq(a, b);
const is_eq = (a, b) => isExact(a, b) ? a.above === b.above && a.below === b.below : Number(a) === Number(b);
const is_ne = (a, b) => !is_eq(a, b);

// What is typed, or stands in a link: 0.25, −3, 1e-3, and 1/3, which stays a fraction where fractions are computed.
function read(text, exact = false) {
  const plain = String(text).trim().replace(/−/g, '-').replace(',', '.');
  const parts = /^([+-]?)(\d*)\.?(\d*)(?:e([+-]?\d{1,4}))?$/i.exec(plain);
  const fraction = /^([+-]?\d+)\s*\/\s*(\d+)$/.exec(plain);
  if (fraction && BigInt(fraction[2])) return exact ? ratio(BigInt(fraction[1]), BigInt(fraction[2])) : Number(fraction[1]) / Number(fraction[2]);
  if (parts && (parts[2] || parts[3])) {
    if (!exact || Math.abs(parts[4] ?? 0) > 400) return Number(plain);
    const places = BigInt(parts[3].length - Number(parts[4] ?? 0)), digits = BigInt(`${parts[1]}${parts[2]}${parts[3]}`);
    return places < 0n ? ratio(digits * 10n ** -places) : ratio(digits, 10n ** places);
  }
  return undefined;
}

// As JSON has them: a number, or the text of a fraction, an infinity or nan.
const kept = number => isExact(number) ? `${number}` : Number.isFinite(number) ? number : String(number);
function taken(written, exact) {
  if (typeof written === 'number') return exact && Number.isSafeInteger(written) ? ratio(BigInt(written)) : written;
  return read(written, exact) ?? Number(String(written).replace('inf', 'Infinity').replace('Infinityinity', 'Infinity'));
}

// The text of a number to some digits, and its power of ten, '' if it needs none.
function digitsOf(number, digits) {
  if (isExact(number)) {
    const text = `${number}`.replace('-', '−');
    if (text.length <= digits + 5) return [text, ''];
    const [rounded, exponent] = digitsOf(Number(number), digits);
    return [`≈${rounded}`, exponent];
  }
  if (!Number.isFinite(number)) return [Number.isNaN(number) ? 'nan' : number > 0 ? '∞' : '−∞', ''];
  if (number === 0) return ['0', ''];
  const [mantissa, exponent] = number.toExponential(digits - 1).split('e');
  const trimmed = text => (text.includes('.') ? text.replace(/\.?0+$/, '') : text).replace('-', '−');
  if (exponent >= -4 && exponent < Math.max(digits, 4)) return [trimmed(Number(mantissa) === 0 ? '0' : number.toFixed(Math.max(0, digits - 1 - exponent))), ''];
  return [trimmed(mantissa), String(Number(exponent)).replace('-', '−')];
}
const inFull = number => String(isExact(number) ? number : Number.isFinite(number) ? number : digitsOf(number, 4)[0]).replaceAll('-', '−');
function saying(number, digits) {
  const [text, exponent] = digitsOf(number, digits);
  return (exponent ? `${text} times 10 to the ${exponent}` : text).replaceAll('−', 'minus ').replace('/', ' over ');
}
