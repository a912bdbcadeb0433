/* Branches and loops of unknown count by hand, values and gradients. */

#include <math.h>
#include <stdlib.h>

void walks(const double *z, double *out, long rows, long steps, int knocks_out, double barrier, double sigma)
{
    for (long i = 0; i < rows; i++, z += steps) {
        double s = 100, total = 0;
        for (long k = 0; k < steps; k++) {
            s *= exp(sigma * z[k]);
            if (s > barrier) {
                if (knocks_out) {
                    s = 0;
                    break;
                }
                total += s - barrier;
            }
        }
        out[i] = knocks_out ? s : total;
    }
}

/* p is a, b, c, d and the share that is taken; out: the value and its derivatives. */
void harvest(const double *p, double *out, long rows, long steps, double h, double limit)
{
    double *kept = malloc(2 * sizeof(double) * steps);
    for (long i = 0; i < rows; i++, p += 5, out += 6) {
        double x = 1, y = 1;
        for (long k = 0; k < steps; k++) {
            kept[2 * k] = x;
            kept[2 * k + 1] = y;
            double taken = x > limit ? p[4] * (x - limit) : 0, both = x * y;
            x += h * (p[0] * x - p[1] * both - taken);
            y += h * (p[3] * both - p[2] * y);
        }
        double dx = 2 * x, dy = 2 * y, da = 0, db = 0, dc = 0, dd = 0, ds = 0;
        out[0] = x * x + y * y;
        for (long k = steps; k--;) {
            x = kept[2 * k];
            y = kept[2 * k + 1];
            double hx = h * dx, hy = h * dy, both = hy * p[3] - hx * p[1];
            da += hx * x;
            db -= hx * x * y;
            dc -= hy * y;
            dd += hy * x * y;
            dx += hx * p[0] + both * y;
            dy += both * x - hy * p[2];
            if (x > limit) {
                ds -= hx * (x - limit);
                dx -= hx * p[4];
            }
        }
        out[1] = da, out[2] = db, out[3] = dc, out[4] = dd, out[5] = ds;
    }
    free(kept);
}

void newton(const double *a, double *out, long rows)
{
    for (long i = 0; i < rows; i++) {
        double x = a[i];
        while (fabs(x * x - a[i]) > 1e-12 * a[i])
            x = (x + a[i] / x) / 2;
        out[i] = x;
    }
}

void newton_gradient(const double *a, double *out, long rows)
{
    double *kept = malloc(sizeof(double) * 10000);
    for (long i = 0; i < rows; i++) {
        double x = a[i], s = 1, da = 0;
        long m = 0;
        while (fabs(x * x - a[i]) > 1e-12 * a[i]) {
            kept[m++] = x;
            x = (x + a[i] / x) / 2;
        }
        while (m > 0) {
            x = kept[--m];
            da += s / 2 / x;
            s = s / 2 - s / 2 * (a[i] / x) / x;
        }
        out[i] = da + s;
    }
    free(kept);
}

typedef struct { double h, one, z, two, error, factor; } step;

static inline step attempt(double k, double t, double y, double h)
{
    step s;
    s.h = h < 2.0 - t ? h : 2.0 - t;
    s.one = -k * y;
    s.z = y + s.h * s.one;
    s.two = -k * s.z;
    s.error = fabs(s.two - s.one) * s.h / 2 + 1e-300;
    s.factor = 0.9 * sqrt(1e-6 / s.error);
    s.factor = s.factor < 0.2 ? 0.2 : s.factor > 5 ? 5 : s.factor;
    return s;
}

void heun(const double *k, double *out, long rows)
{
    for (long i = 0; i < rows; i++) {
        double y = 1, t = 0, h = 0.01;
        while (t < 2.0) {
            step s = attempt(k[i], t, y, h);
            if (s.error < 1e-6) {
                y += s.h * (s.one + s.two) / 2;
                t += s.h;
            }
            h = s.h * s.factor;
        }
        out[i] = y;
    }
}

void heun_gradient(const double *k, double *out, long rows)
{
    double *kept = malloc(3 * sizeof(double) * 100000);
    for (long i = 0; i < rows; i++) {
        double y = 1, t = 0, h = 0.01, dy = 1, dk = 0;
        long m = 0;
        while (t < 2.0) {
            kept[m++] = t, kept[m++] = y, kept[m++] = h;
            step s = attempt(k[i], t, y, h);
            if (s.error < 1e-6) {
                y += s.h * (s.one + s.two) / 2;
                t += s.h;
            }
            h = s.h * s.factor;
        }
        while (m > 0) {
            h = kept[--m], y = kept[--m], t = kept[--m];
            step s = attempt(k[i], t, y, h);
            if (s.error < 1e-6) {
                double half = dy * s.h / 2, dz = -k[i] * half, done = half + dz * s.h;
                dk -= half * s.z + done * y;
                dy += dz - k[i] * done;
            }
        }
        out[i] = dk;
    }
    free(kept);
}
