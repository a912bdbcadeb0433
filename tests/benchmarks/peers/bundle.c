/* The residual of one observation in a bundle adjustment, and its derivatives by hand.

   A row is a camera (rotation r, centre c, focal length f, principal point u, radial distortion k:
   11 numbers), a point X, a weight and the measured place: 17 numbers. Derivatives are by the first 15.

   Rodrigues' rotation of p by the angle t = |r|, with a = sin t / t and b = (1 - cos t) / t^2, is
       q = cos t p + a (r x p) + b (r . p) r
   and each of its coefficients depends on r through t alone: d cos t = -a r, d a = (cos t - a) / t^2 r,
   d b = (a - 2 b) / t^2 r. No rotation here is 0. */

#include <math.h>

enum { WIDTH = 17, INPUTS = 15 };

typedef struct { double p[3], q[3], cross[3], dot, c, a, b, square; } rotation;

static inline void cross(const double *x, const double *y, double *z)
{
    z[0] = x[1] * y[2] - x[2] * y[1];
    z[1] = x[2] * y[0] - x[0] * y[2];
    z[2] = x[0] * y[1] - x[1] * y[0];
}

static inline void rotate(const double *x, rotation *m)
{
    m->square = x[0] * x[0] + x[1] * x[1] + x[2] * x[2];
    double angle = sqrt(m->square);
    m->c = cos(angle);
    m->a = sin(angle) / angle;
    m->b = (1 - m->c) / m->square;
    for (int i = 0; i < 3; i++)
        m->p[i] = x[11 + i] - x[3 + i];
    cross(x, m->p, m->cross);
    m->dot = x[0] * m->p[0] + x[1] * m->p[1] + x[2] * m->p[2];
    for (int i = 0; i < 3; i++)
        m->q[i] = m->c * m->p[i] + m->a * m->cross[i] + m->b * m->dot * x[i];
}

static inline void residual(const double *x, double *y)
{
    rotation m;
    rotate(x, &m);
    double u = m.q[0] / m.q[2], v = m.q[1] / m.q[2], s = u * u + v * v;
    double scale = x[6] * (1 + s * (x[9] + s * x[10]));
    y[0] = x[14] * (scale * u + x[7] - x[15]);
    y[1] = x[14] * (scale * v + x[8] - x[16]);
}

static inline void jacobian(const double *restrict x, double *restrict j)
{
    rotation m;
    rotate(x, &m);
    double f = x[6], w = x[14], inverse = 1 / m.q[2], u = m.q[0] * inverse, v = m.q[1] * inverse;
    double s = u * u + v * v, d = 1 + s * (x[9] + s * x[10]), slope = 2 * (x[9] + 2 * s * x[10]), fw = f * w;

    /* by the undistorted place (u, v), then by the rotated point q */
    double uu = fw * (d + slope * u * u), uv = fw * slope * u * v, vv = fw * (d + slope * v * v);
    double by[2][3] = {{uu * inverse, uv * inverse, -(uu * u + uv * v) * inverse},
                       {uv * inverse, vv * inverse, -(uv * u + vv * v) * inverse}};

    /* q by r: a column is r_k times one vector, and what r's own coordinates do */
    double da = (m.c - m.a) / m.square, db = (m.a - 2 * m.b) / m.square, along[3];
    double p0 = m.p[0], p1 = m.p[1], p2 = m.p[2];
    for (int i = 0; i < 3; i++)
        along[i] = -m.a * m.p[i] + da * m.cross[i] + db * m.dot * x[i];
    double spin[3][3] = {{0, p2, -p1}, {-p2, 0, p0}, {p1, -p0, 0}}; /* [i][k]: (e_k x p)_i */
    double turn[3][3] = {{0, -x[2], x[1]}, {x[2], 0, -x[0]}, {-x[1], x[0], 0}};
    double q_r[3][3], q_p[3][3];
    for (int i = 0; i < 3; i++)
        for (int k = 0; k < 3; k++) {
            q_r[i][k] = along[i] * x[k] + m.a * spin[i][k] + m.b * (x[i] * m.p[k] + (i == k ? m.dot : 0));
            q_p[i][k] = m.a * turn[i][k] + m.b * x[i] * x[k] + (i == k ? m.c : 0);
        }
    for (int e = 0; e < 2; e++, j += INPUTS) {
        double place = e ? v : u;
        for (int k = 0; k < 3; k++) {
            j[k] = by[e][0] * q_r[0][k] + by[e][1] * q_r[1][k] + by[e][2] * q_r[2][k];
            j[11 + k] = by[e][0] * q_p[0][k] + by[e][1] * q_p[1][k] + by[e][2] * q_p[2][k];
            j[3 + k] = -j[11 + k];
        }
        j[6] = w * d * place;
        j[7] = e ? 0 : w;
        j[8] = e ? w : 0;
        j[9] = fw * s * place;
        j[10] = fw * s * s * place;
        j[14] = f * d * place + x[7 + e] - x[15 + e];
    }
}

void bundle_residuals(const double *rows, int n, double *residuals)
{
    for (; n--; rows += WIDTH, residuals += 2)
        residual(rows, residuals);
}

void bundle_jacobians(const double *rows, int n, double *jacobians)
{
    for (; n--; rows += WIDTH, jacobians += 2 * INPUTS)
        jacobian(rows, jacobians);
}
