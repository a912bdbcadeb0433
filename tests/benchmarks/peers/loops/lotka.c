/* Lotka and Volterra's prey x and predators y by Runge and Kutta's method, and its derivatives by hand.

   x' = a x - b x y, y' = d x y - c y, from x = y = 1 on; p is a, b, c, d. The answer is x^2 + y^2 of
   the last state. Forward, the four points of each step are kept (8 numbers); backward, an adjoint
   goes through the step's four slopes from the last to the first. */

typedef struct { double x, y; } pair;
typedef struct { pair at[4]; } step;

static inline pair slope(const double *p, pair s)
{
    return (pair){s.x * (p[0] - p[1] * s.y), s.y * (p[3] * s.x - p[2])};
}

static inline pair moved(pair s, double h, pair k) { return (pair){s.x + h * k.x, s.y + h * k.y}; }

static inline pair next(const double *p, pair s, double h, step *kept)
{
    pair s2, s3, s4, k1, k2, k3, k4;
    k1 = slope(p, s);
    k2 = slope(p, s2 = moved(s, h / 2, k1));
    k3 = slope(p, s3 = moved(s, h / 2, k2));
    k4 = slope(p, s4 = moved(s, h, k3));
    *kept = (step){{s, s2, s3, s4}};
    return (pair){s.x + h / 6 * (k1.x + 2 * k2.x + 2 * k3.x + k4.x), s.y + h / 6 * (k1.y + 2 * k2.y + 2 * k3.y + k4.y)};
}

/* Take a slope's adjoint k back to its point, and add what the parameters get of it. */
static inline pair back(const double *p, pair s, pair k, double *g)
{
    double both = s.x * s.y;
    g[0] += k.x * s.x;
    g[1] -= k.x * both;
    g[2] -= k.y * s.y;
    g[3] += k.y * both;
    return (pair){k.x * (p[0] - p[1] * s.y) + k.y * (p[3] * s.y), k.y * (p[3] * s.x - p[2]) - k.x * (p[1] * s.x)};
}

double lotka_end(const double *p, int steps, double h)
{
    pair s = {1, 1};
    step unused;
    while (steps--)
        s = next(p, s, h, &unused);
    return s.x * s.x + s.y * s.y;
}

/* result: the value and its derivatives by a, b, c, d; kept: room for all steps. */
void lotka_gradient(const double *restrict p, int steps, double h, step *restrict kept, double *restrict result)
{
    pair s = {1, 1};
    double g[4] = {0};
    for (int i = 0; i < steps; i++)
        s = next(p, s, h, kept + i);
    pair d = {2 * s.x, 2 * s.y};
    for (int i = steps; i--;) {
        const pair *at = kept[i].at, third = {h / 3 * d.x, h / 3 * d.y}, sixth = {h / 6 * d.x, h / 6 * d.y};
        pair s4 = back(p, at[3], sixth, g);
        pair s3 = back(p, at[2], moved(third, h, s4), g);
        pair s2 = back(p, at[1], moved(third, h / 2, s3), g);
        pair s1 = back(p, at[0], moved(sixth, h / 2, s2), g);
        d.x = d.x + s4.x + s3.x + s2.x + s1.x; /* the last known last */
        d.y = d.y + s4.y + s3.y + s2.y + s1.y;
    }
    result[0] = s.x * s.x + s.y * s.y;
    for (int i = 0; i < 4; i++)
        result[1 + i] = g[i];
}
