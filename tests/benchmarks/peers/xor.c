/* The derivation's net 2-2-2-1 by hand: sigmoids throughout, half the sum of squared errors.

   A net is 15 numbers: for each neuron its two weights and its bias. The error signals are those
   of "Why backpropagation?", each already times g'(r). Batch learning takes four rows at a time,
   neuron by neuron, so that the four are not in each other's way; n is a multiple of four. */

#include <math.h>
#include <string.h>

enum { LANES = 4, NEURONS = 5, WEIGHTS = 3 * NEURONS };
#define EACH(s) _Pragma("GCC unroll 1") for (int s = 0; s < LANES; s++)

typedef double lanes[LANES];

static inline double g(double r) { return 1 / (1 + exp(-r)); }

static inline void neuron(const double *w, const double *a, const double *b, double *f)
{
    EACH(s) f[s] = g(w[0] * a[s] + w[1] * b[s] + w[2]);
}

static inline double forward(const double *w, const double *rows, lanes *x, lanes *f)
{
    double error = 0;
    EACH(s) {
        x[0][s] = rows[3 * s];
        x[1][s] = rows[3 * s + 1];
        x[2][s] = rows[3 * s + 2];
    }
    neuron(w, x[0], x[1], f[0]);
    neuron(w + 3, x[0], x[1], f[1]);
    neuron(w + 6, f[0], f[1], f[2]);
    neuron(w + 9, f[0], f[1], f[3]);
    neuron(w + 12, f[2], f[3], f[4]);
    EACH(s) error += (f[4][s] - x[2][s]) * (f[4][s] - x[2][s]) / 2;
    return error;
}

static inline void collect(double *gradient, const double *signal, const double *a, const double *b)
{
    EACH(s) {
        gradient[0] += signal[s] * a[s];
        gradient[1] += signal[s] * b[s];
        gradient[2] += signal[s];
    }
}

static inline double four(const double *w, const double *rows, double *gradient)
{
    lanes x[3], f[NEURONS], d[NEURONS];
    double error = forward(w, rows, x, f);
    EACH(s) d[4][s] = (f[4][s] - x[2][s]) * f[4][s] * (1 - f[4][s]);
    EACH(s) d[3][s] = d[4][s] * w[13] * f[3][s] * (1 - f[3][s]);
    EACH(s) d[2][s] = d[4][s] * w[12] * f[2][s] * (1 - f[2][s]);
    EACH(s) d[1][s] = (d[2][s] * w[7] + d[3][s] * w[10]) * f[1][s] * (1 - f[1][s]);
    EACH(s) d[0][s] = (d[2][s] * w[6] + d[3][s] * w[9]) * f[0][s] * (1 - f[0][s]);
    collect(gradient, d[0], x[0], x[1]);
    collect(gradient + 3, d[1], x[0], x[1]);
    collect(gradient + 6, d[2], f[0], f[1]);
    collect(gradient + 9, d[3], f[0], f[1]);
    collect(gradient + 12, d[4], f[2], f[3]);
    return error;
}

/* The error of so many rows x1, x2, target. */
double xor_error(const double *w, const double *rows, int n)
{
    lanes x[3], f[NEURONS];
    double error = 0;
    for (; n; n -= LANES, rows += 3 * LANES)
        error += forward(w, rows, x, f);
    return error;
}

/* The error, and its gradient. */
double xor_gradient(const double *w, const double *rows, int n, double *gradient)
{
    double error = 0;
    memset(gradient, 0, WEIGHTS * sizeof *gradient);
    for (; n; n -= LANES, rows += 3 * LANES)
        error += four(w, rows, gradient);
    return error;
}

/* Epochs of batch learning, in place: one update for all rows. */
void xor_descend(double *w, const double *rows, int n, double rate, int epochs)
{
    double gradient[WEIGHTS];
    while (epochs--) {
        xor_gradient(w, rows, n, gradient);
        for (int i = 0; i < WEIGHTS; i++)
            w[i] -= rate * gradient[i];
    }
}

static inline void update(double *w, double step, double a, double b)
{
    w[0] -= step * a;
    w[1] -= step * b;
    w[2] -= step;
}

/* Epochs of on-line learning, in place: an update after each row. */
void xor_online(double *w, const double *rows, int n, double rate, int epochs)
{
    while (epochs--)
        for (const double *x = rows; x < rows + 3 * n; x += 3) {
            double f1 = g(w[0] * x[0] + w[1] * x[1] + w[2]), f2 = g(w[3] * x[0] + w[4] * x[1] + w[5]);
            double f3 = g(w[6] * f1 + w[7] * f2 + w[8]), f4 = g(w[9] * f1 + w[10] * f2 + w[11]);
            double f5 = g(w[12] * f3 + w[13] * f4 + w[14]);
            double d5 = (f5 - x[2]) * f5 * (1 - f5);
            double d4 = d5 * w[13] * f4 * (1 - f4), d3 = d5 * w[12] * f3 * (1 - f3);
            double d2 = (d3 * w[7] + d4 * w[10]) * f2 * (1 - f2);
            double d1 = (d3 * w[6] + d4 * w[9]) * f1 * (1 - f1);
            update(w, rate * d1, x[0], x[1]);
            update(w + 3, rate * d2, x[0], x[1]);
            update(w + 6, rate * d3, f1, f2);
            update(w + 9, rate * d4, f1, f2);
            update(w + 12, rate * d5, f3, f4);
        }
}
