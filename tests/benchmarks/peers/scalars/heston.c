/* The price of a call under Heston's model, and its six derivatives by hand, four or eight paths at a time.

   STEPS and PATHS are given by the compiler's command. theta: spot, variance, pull, level, volatility of the
   variance, correlation. z: of each block and step two vectors of normal numbers. Forward, each step's variance is
   kept; the adjoint of the logarithm of the price is the same at all steps. */

#include <math.h>

#define EACH(i, n) for (int i = 0; i < n; i++)

#ifdef __AVX512F__
enum { LANES = 8 };
#else
enum { LANES = 4 };
#endif
const int lanes = LANES;

typedef double vector __attribute__((vector_size(8 * LANES)));
typedef long long mask __attribute__((vector_size(8 * LANES)));
typedef union { vector v; double at[LANES]; } numbers;

static inline vector root(vector v)
{
    numbers one = {v};
    EACH(i, LANES) one.at[i] = sqrt(one.at[i]);
    return one.v;
}

static inline vector all(double x) { return x - (vector){0}; }
static inline vector choose(mask m, vector a, vector b) { return (vector)((m & (mask)a) | (~m & (mask)b)); }
static inline vector larger(vector a, double b) { return choose(a > b, a, all(b)); }

/* result: the sum over all paths, and its derivatives. */
void heston(const double *p, const vector (*restrict z)[STEPS][2], double strike, double rate, double least,
            double *result)
{
    double spot = p[0], pull = p[2], level = p[3], vol = p[4], rho = p[5], rest = sqrt(1 - rho * rho), dt = 1.0 / STEPS;
    vector sums[7] = {{0}};
    EACH(b, PATHS / LANES) {
        vector kept[STEPS], roots[STEPS], v = all(p[1]), x = all(log(spot)), back = {0};
        EACH(t, STEPS) {
            vector now = larger(kept[t] = v, least), r = roots[t] = root(now * dt);
            x += (rate - 0.5 * now) * dt + r * z[b][t][0];
            v += pull * (level - now) * dt + vol * r * (rho * z[b][t][0] + rest * z[b][t][1]);
        }
        numbers price = {x};
        EACH(i, LANES) price.at[i] = exp(price.at[i]);
        mask in = price.v > strike;
        vector slope = exp(-rate) * choose(in, price.v, all(0));
        sums[0] += exp(-rate) * choose(in, price.v - strike, all(0));
        for (int t = STEPS; t--;) {
            vector now = larger(kept[t], least), r = roots[t], one = z[b][t][0], two = z[b][t][1];
            vector w = rho * one + rest * two, at_root = slope * one + back * (vol * w);
            sums[3] += back * ((level - now) * dt);
            sums[4] += back * (pull * dt);
            sums[5] += back * (r * w);
            sums[6] += back * (vol * r * (one - rho / rest * two));
            vector more = at_root * (0.5 * dt) / r - slope * (0.5 * dt) - back * (pull * dt);
            back += choose(kept[t] > least, more, all(0));
        }
        sums[1] += slope / spot;
        sums[2] += back;
    }
    EACH(i, 7) {
        numbers sum = {sums[i]};
        result[i] = 0;
        EACH(j, LANES) result[i] += sum.at[j];
    }
}
