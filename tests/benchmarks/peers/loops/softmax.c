/* A net of one hidden layer by hand: tanh, a linear output, and the cross-entropy of its softmax, summed.

   INPUTS, HIDDEN, OUTPUTS and ROWS are given by the compiler's command, HIDDEN a multiple of 8. The first
   layer is most of the work: its weights lie input by input, its neurons are so many vectors of 8, and
   sums over the inputs, or of a derivative over the rows, stay in registers. (Of plain loops over the
   neurons gcc 12 makes half as wide vectors, and takes twice as long.) A row is inputs and, as many as
   there are outputs, the probabilities that are wanted. Weights and gradient begin at a multiple of 64
   bytes, and have room up to the next. */

#include <math.h>
#include <string.h>

enum { WIDTH = INPUTS + OUTPUTS, VECTORS = HIDDEN / 8 };
#define EACH(i, n) for (int i = 0; i < n; i++)

typedef double vector __attribute__((vector_size(64), may_alias));
typedef union { vector v[VECTORS]; double at[HIDDEN]; } hidden;
typedef struct { hidden w1[INPUTS], b1; double w2[HIDDEN][OUTPUTS], b2[OUTPUTS]; } net;

/* Return the error of a row; leave the hidden layer in h, and in s the error signal of the outputs. */
static inline double forward(const net *restrict w, const double *restrict x, hidden *restrict h, double *restrict s)
{
    const double *t = x + INPUTS;
    double y[OUTPUTS], most, sum = 0, all = 0, error = 0;
    hidden r = w->b1;
    EACH(i, INPUTS) EACH(o, VECTORS) r.v[o] += x[i] * w->w1[i].v[o];
    EACH(o, HIDDEN) h->at[o] = tanh(r.at[o]);
    EACH(o, OUTPUTS) y[o] = w->b2[o];
    EACH(i, HIDDEN) EACH(o, OUTPUTS) y[o] += h->at[i] * w->w2[i][o];
    most = y[0];
    EACH(o, OUTPUTS) most = y[o] > most ? y[o] : most;
    EACH(o, OUTPUTS) sum += s[o] = exp(y[o] - most);
    EACH(o, OUTPUTS) all += t[o];
    EACH(o, OUTPUTS) error -= t[o] * y[o];
    EACH(o, OUTPUTS) s[o] = s[o] * (all / sum) - t[o];
    return error + all * (most + log(sum));
}

/* The error of ROWS rows. */
double softmax_error(const net *w, const double *rows)
{
    hidden h;
    double s[OUTPUTS], error = 0;
    EACH(n, ROWS) error += forward(w, rows + n * WIDTH, &h, s);
    return error;
}

/* The error, and its gradient. */
double softmax_gradient(const net *restrict w, const double *restrict rows, net *restrict g)
{
    hidden h, d[ROWS];
    double s[OUTPUTS], error = 0;
    memset(&g->b1, 0, sizeof *g - sizeof g->w1);
    EACH(n, ROWS) {
        error += forward(w, rows + n * WIDTH, &h, s);
        EACH(o, OUTPUTS) g->b2[o] += s[o];
        EACH(i, HIDDEN) {
            double back = 0;
            EACH(o, OUTPUTS) g->w2[i][o] += h.at[i] * s[o];
            EACH(o, OUTPUTS) back += s[o] * w->w2[i][o];
            d[n].at[i] = back * (1 - h.at[i] * h.at[i]);
        }
        EACH(o, VECTORS) g->b1.v[o] += d[n].v[o];
    }
    EACH(i, INPUTS) {
        hidden sum = {0};
        EACH(n, ROWS) EACH(o, VECTORS) sum.v[o] += rows[n * WIDTH + i] * d[n].v[o];
        g->w1[i] = sum;
    }
    return error;
}

/* A step of gradient descent, in place; the error before it. */
double softmax_descend(net *restrict w, const double *rows, double rate)
{
    static net g;
    double error = softmax_gradient(w, rows, &g), *to = (double *)w;
    const double *by = (const double *)&g;
    for (unsigned i = 0; i < sizeof g / sizeof *by; i++)
        to[i] -= rate * by[i];
    return error;
}
