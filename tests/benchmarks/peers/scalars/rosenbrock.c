/* Rosenbrock's function and its gradient by hand, so many times over: the caller's own cost is not counted. */

static double __attribute__((noinline)) once(const double *restrict x, int n, double *restrict g)
{
    double value = 0;
    g[0] = -400 * x[0] * (x[1] - x[0] * x[0]) - 2 * (1 - x[0]);
    for (int i = 1; i < n - 1; i++)
        g[i] = 200 * (x[i] - x[i - 1] * x[i - 1]) - 400 * x[i] * (x[i + 1] - x[i] * x[i]) - 2 * (1 - x[i]);
    g[n - 1] = 200 * (x[n - 1] - x[n - 2] * x[n - 2]);
    for (int i = 0; i < n - 1; i++) {
        double t = x[i + 1] - x[i] * x[i], u = 1 - x[i];
        value += 100 * t * t + u * u;
    }
    return value;
}

void rosenbrock(const double *x, int n, double *result, int times)
{
    while (times--) {
        __asm__ volatile("" ::: "memory"); /* x may be another */
        result[0] = once(x, n, result + 1);
    }
}
