// Python's generator of random numbers (Mersenne Twister), so that a seed draws the weights that it draws there.
class Random {
  constructor(seed) {
    const key = [];
    for (let rest = BigInt(Math.abs(Math.trunc(seed))); rest || !key.length; rest >>= 32n) key.push(Number(rest & 0xffffffffn));
    const state = this.state = new Uint32Array(624);
    const mixed = (k, factor) => Math.imul(state[k] ^ (state[k] >>> 30), factor);
    state[0] = 19650218;
    for (let i = 1; i < 624; i++) state[i] = mixed(i - 1, 1812433253) + i;
    let i = 1, j = 0;
    const onwards = () => { if (++i >= 624) state[0] = state[623], i = 1; };
    for (let k = Math.max(624, key.length); k; k--) {
      state[i] = (state[i] ^ mixed(i - 1, 1664525)) + key[j] + j;
      onwards();
      if (++j >= key.length) j = 0;
    }
    for (let k = 623; k; k--) {
      state[i] = (state[i] ^ mixed(i - 1, 1566083941)) - i;
      onwards();
    }
    state[0] = 0x80000000;
    this.place = 624;
  }

  bits(count) {
    const state = this.state;
    if (this.place >= 624) {
      for (let k = 0; k < 624; k++) {
        const y = (state[k] & 0x80000000) | (state[(k + 1) % 624] & 0x7fffffff);
        state[k] = state[(k + 397) % 624] ^ (y >>> 1) ^ (y & 1 ? 0x9908b0df : 0);
      }
      this.place = 0;
    }
    let y = state[this.place++];
    y ^= y >>> 11;
    y ^= (y << 7) & 0x9d2c5680;
    y ^= (y << 15) & 0xefc60000;
    y ^= y >>> 18;
    return (y >>> 0) >>> (32 - count);
  }

  uniform(low, high) {
    const a = this.bits(32) >>> 5, b = this.bits(32) >>> 6;
    return low + (high - low) * ((a * 67108864 + b) / 9007199254740992);
  }

  // As random.shuffle leaves a list.
  shuffled(list) {
    const result = [...list];
    for (let last = result.length - 1; last > 0; last--) {
      const length = 32 - Math.clz32(last + 1);
      let place = this.bits(length);
      while (place > last) place = this.bits(length);
      [result[last], result[place]] = [result[place], result[last]];
    }
    return result;
  }
}
