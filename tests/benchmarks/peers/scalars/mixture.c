/* The log-likelihood of a mixture of Gaussians, and its gradient by hand.

   D, K and N, the dimensions, Gaussians and points, are given by the compiler's command, and CONSTANT, what
   no parameter changes. Four or eight points go together, a vector of each coordinate; the last vectors are padded.
   theta and gradient: K weights alpha, K means, and for each Gaussian q (D), and what is below the
   factor's diagonal column by column. The derivative by a mean is one product with the factor, after all points. */

#include <math.h>
#include <string.h>

#define EACH(i, n) for (int i = 0; i < n; i++)

#ifdef __AVX512F__
enum { LANES = 8 };
#else
enum { LANES = 4 };
#endif
enum { LOWER = D * (D - 1) / 2, FACTOR = D + LOWER, BLOCKS = (N + LANES - 1) / LANES };
const int lanes = LANES;

typedef double vector __attribute__((vector_size(8 * LANES)));
typedef long long mask __attribute__((vector_size(8 * LANES)));
typedef union { vector v; double at[LANES]; } numbers;
typedef struct { double alpha[K], mean[K][D], factor[K][FACTOR]; } parameters;

static inline double total(vector v)
{
    numbers all = {v};
    double sum = 0;
    EACH(i, LANES) sum += all.at[i];
    return sum;
}

static inline vector exponential(vector v)
{
    numbers all = {v};
    EACH(i, LANES) all.at[i] = exp(all.at[i]);
    return all.v;
}

static inline vector choose(mask m, vector a, vector b) { return (vector)((m & (mask)a) | (~m & (mask)b)); }

double mixture(const double *theta, const vector (*restrict x)[D], double *gradient)
{
    const parameters *p = (const parameters *)theta;
    parameters *g = (parameters *)gradient;
    vector weight[K] = {{0}}, slope[K][FACTOR] = {{{0}}}, mean[K][D] = {{{0}}}, likelihood = {0};
    double diagonal[K][D], start[K];
    EACH(k, K) {
        start[k] = p->alpha[k];
        EACH(i, D) {
            start[k] += p->factor[k][i];
            diagonal[k][i] = exp(p->factor[k][i]);
        }
    }
    EACH(b, BLOCKS) {
        vector y[K][D], part[K], most, sum = {0}, alive;
        EACH(i, LANES) alive[i] = LANES * b + i < N;
        EACH(k, K) {
            const double *below = p->factor[k] + D;
            vector square = {0};
            EACH(i, D) y[k][i] = diagonal[k][i] * (x[b][i] - p->mean[k][i]);
            EACH(j, D) {
                vector off = x[b][j] - p->mean[k][j];
                for (int i = j + 1; i < D; i++)
                    y[k][i] += *below++ * off;
            }
            EACH(i, D) square += y[k][i] * y[k][i];
            part[k] = start[k] - 0.5 * square;
            most = k ? choose(most > part[k], most, part[k]) : part[k];
        }
        EACH(k, K) sum += part[k] = exponential(part[k] - most);
        numbers logarithm = {sum};
        EACH(i, LANES) logarithm.at[i] = log(logarithm.at[i]);
        likelihood += alive * (most + logarithm.v);
        EACH(k, K) {
            vector share = alive * part[k] / sum, *below = slope[k] + D, back[D];
            weight[k] += share;
            EACH(i, D) {
                back[i] = -share * y[k][i];
                mean[k][i] += back[i];
            }
            EACH(j, D) {
                vector off = x[b][j] - p->mean[k][j];
                slope[k][j] += back[j] * off;
                for (int i = j + 1; i < D; i++)
                    *below++ += back[i] * off;
            }
        }
    }
    double value = total(likelihood) + CONSTANT, all = 0, prior = 0;
    EACH(k, K) all += exp(p->alpha[k]);
    EACH(k, K) {
        double of = total(weight[k]), back[D];
        const double *below = p->factor[k] + D;
        g->alpha[k] = of - N * exp(p->alpha[k]) / all;
        EACH(i, FACTOR) g->factor[k][i] = total(slope[k][i]);
        EACH(i, D) {
            double q = diagonal[k][i];
            g->factor[k][i] = g->factor[k][i] * q + of + q * q;
            back[i] = total(mean[k][i]);
            g->mean[k][i] = -q * back[i];
            prior += q * q;
        }
        EACH(j, D) for (int i = j + 1; i < D; i++) g->mean[k][j] -= *below++ * back[i];
        EACH(i, LOWER) {
            double l = p->factor[k][D + i];
            g->factor[k][D + i] += l;
            prior += l * l;
        }
    }
    return value - N * log(all) + 0.5 * prior;
}
