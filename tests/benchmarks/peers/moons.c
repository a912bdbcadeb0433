/* The net 2-16-16-1 by hand: relu in the hidden layers, a linear output, half the sum of squared errors.

   Weights lie input by input, so that the inner loops run over a layer's neurons and fill vector
   registers; sending the error signal back wants the second layer the other way round, which is
   copied once a step. Left alone, gcc would first unroll these short loops and then not see vectors. */

#include <string.h>

enum { N = 16 };
#define EACH(i) _Pragma("GCC unroll 1") for (int i = 0; i < N; i++)

typedef struct { double w1[2][N], b1[N], w2[N][N], b2[N], w3[N], b3; } net;

static inline double relu(double r) { return r > 0 ? r : 0; }

static inline double forward(const net *w, const double *x, double *h1, double *h2)
{
    double y = w->b3;
    EACH(o) h1[o] = relu(w->b1[o] + x[0] * w->w1[0][o] + x[1] * w->w1[1][o]);
    EACH(o) h2[o] = w->b2[o];
    EACH(i) EACH(o) h2[o] += h1[i] * w->w2[i][o];
    EACH(o) h2[o] = relu(h2[o]);
    EACH(o) y += h2[o] * w->w3[o];
    return y;
}

/* The error of so many rows x1, x2, target. */
double moons_error(const net *w, const double *rows, int n)
{
    double h1[N], h2[N], error = 0;
    for (; n--; rows += 3) {
        double d = forward(w, rows, h1, h2) - rows[2];
        error += d * d / 2;
    }
    return error;
}

/* The error, and its gradient. */
double moons_gradient(const net *w, const double *rows, int n, net *g)
{
    double h1[N], h2[N], d1[N], d2[N], across[N][N], error = 0;
    memset(g, 0, sizeof *g);
    EACH(i) EACH(o) across[o][i] = w->w2[i][o];
    for (; n--; rows += 3) {
        double d = forward(w, rows, h1, h2) - rows[2];
        error += d * d / 2;
        g->b3 += d;
        EACH(o) g->w3[o] += d * h2[o];
        EACH(o) d2[o] = h2[o] > 0 ? d * w->w3[o] : 0;
        EACH(o) g->b2[o] += d2[o];
        EACH(i) EACH(o) g->w2[i][o] += h1[i] * d2[o];
        EACH(i) d1[i] = 0;
        EACH(o) EACH(i) d1[i] += d2[o] * across[o][i];
        EACH(i) d1[i] = h1[i] > 0 ? d1[i] : 0;
        EACH(i) g->b1[i] += d1[i];
        EACH(i) g->w1[0][i] += rows[0] * d1[i];
        EACH(i) g->w1[1][i] += rows[1] * d1[i];
    }
    return error;
}

/* Epochs of gradient descent, in place; the error of the last. */
double moons_descend(net *w, const double *rows, int n, double rate, int epochs)
{
    net g;
    double error = 0, *to = (double *)w, *by = (double *)&g;
    while (epochs--) {
        error = moons_gradient(w, rows, n, &g);
        for (unsigned i = 0; i < sizeof g / sizeof *by; i++)
            to[i] -= rate * by[i];
    }
    return error;
}
