/* test_report.c - pictures: ticks, text, which points are drawn and where, which pixels. Whole pictures: plot.bats. */
#include <float.h>
#include <math.h>
#include <string.h>

#include "base/num.h"
#include "base/rec.h"
#include "base/rng.h"
#include "report/axis.h"
#include "report/images.h"
#include "report/plot.h"
#include "report/points.h"
#include "stream/png.h"
#include "test.h"

static double u(uint64_t row, size_t index) {
    double v[4];
    rng_uniform(v, 4, 5, RNG_TEST, 0, row);
    return v[index];
}

/* ---- ticks --------------------------------------------------------------------------------------------------------
 */

static void check_axis(double low, double high, size_t most) {
    struct axis a;
    axis_set(&a, low, high, 0.05, 400, 20, most);
    CHECK(a.low <= low && a.high >= high && a.low < a.high, "%g..%g becomes %g..%g", low, high, a.low, a.high);
    CHECK(a.n >= 1 && a.n <= most && 5 * a.n + 5 >= 2 * most, "%g..%g: %zu ticks of %zu", low, high, a.n, most);
    CHECK(a.mant == 1 || a.mant == 2 || a.mant == 5, "steps of %d", a.mant);
    double before = -INFINITY;
    for (size_t i = 0; i < a.n; i++) {
        char text[AXIS_TEXT];
        double v = axis_tick(&a, i, text), read = NAN, at = axis_at(&a, v);
        CHECK(num_parse(text, strlen(text), &read) == NUM_NUMBER && read <= v && read >= v,
              "%g..%g: tick '%s' is %.17g", low, high, text, v);
        CHECK(strlen(text) <= 14, "%g..%g: tick '%s'", low, high, text);
        CHECK(v > before && at >= 20 - 1e-6 && at <= 400 + 1e-6, "%g..%g: tick %g at %g", low, high, v, at);
        before = v;
    }
}

static void test_axis(void) {
    for (size_t i = 0; i < 400; i++) {
        double size = pow(10, floor(u(i, 0) * 40 - 20)), low = (u(i, 1) - 0.5) * size, high = low + u(i, 2) * size;
        check_axis(low, high, 2 + (size_t)(u(i, 3) * 12));
    }
    check_axis(0, 1, 6), check_axis(-1, 1, 6), check_axis(0, 0, 6), check_axis(7, 7, 6), check_axis(-1e-300, 1e-300, 6);
    check_axis(1e9, 1e9 + 1, 6), check_axis(1, 1 + DBL_EPSILON, 6), check_axis(DBL_MIN, DBL_MIN, 6);
    struct axis a;
    char text[AXIS_TEXT];
    axis_set(&a, -DBL_MAX, DBL_MAX, 0.05, 0, 1, 6);
    CHECK(a.n >= 2 && !isnan(axis_at(&a, DBL_MAX)), "%zu ticks", a.n);
    axis_set(&a, 0, 1, 0, 0, 1, 6);
    axis_tick(&a, 1, text);
    CHECK(a.n == 6 && !strcmp(text, "0.2"), "%zu ticks, the second is %s", a.n, text);
    axis_set(&a, 0, 2.5e8, 0, 0, 1, 6);
    axis_tick(&a, 3, text);
    CHECK(!strcmp(text, "1.5e8"), "%s", text);
    axis_set_across(&a, 1e6, 9e6, 0, 0, 100);
    CHECK((double)a.n * axis_text_width(&a) < 100, "%zu ticks, %g wide", a.n, axis_text_width(&a));
}

/* ---- text and numbers of an SVG ------------------------------------------------------------------------------------
 */

static void test_svg(void) {
    struct svg s;
    struct vae_err err = {0};
    svg_begin(&s, 100, 50, "<&>", "", &err);
    s.out.n = 0;
    svg_text(&s, 1.25, NAN, SVG_END, "a<b & \"c\" > \x01 \xff \xc3\xa4 \xef\xbf\xbf");
    svg_mark(&s, 3, -1e300, 1e300);
    svg_line_path(&s, 2, 1, 0, 0, 1, 1), svg_move(&s, 0, -0.04), svg_to(&s, 12.34, 100), svg_path_end(&s);
    CHECK(!svg_end(&s) && !buf_put(&s.out, "", 1, &err), "%s", err.msg);
    const char *want =
        "<text x=\"1.3\" y=\"-1000000\" text-anchor=\"end\">a&lt;b &amp; \"c\" &gt; \\x01 \\xff \xc3\xa4 \xef\xbf\xbd"
        "</text>\n<use xlink:href=\"#m3\" x=\"-1000000\" y=\"1000000\"/>\n"
        "<clipPath id=\"k1\"><rect x=\"0\" y=\"0\" width=\"1\" height=\"1\"/></clipPath>\n"
        "<path class=\"l c2\" clip-path=\"url(#k1)\" d=\"M0 0 12.3 100\"/>\n</svg>\n";
    CHECK(!strcmp(s.out.p, want), "%s", s.out.p);
    buf_free(&s.out);
}

/* ---- points -------------------------------------------------------------------------------------------------------
 */

/* A table of columns of numbers x, y, and text c. */
static struct vae_head *table_head(const char *kind, size_t k) {
    struct vae_head *h = rec_head_new(kind, NULL);
    rec_head_add(h, "id", REC_F64, 0, NULL, NULL);
    rec_head_add(h, "mu", REC_F64, 1, &k, NULL);
    rec_head_add(h, "c", REC_UTF8, 0, NULL, NULL);
    h->fields[0].keep = h->fields[2].keep = true;
    return h;
}

/* Rows first..first+n-1 as one batch: id the number of the row, mu and c as asked for. */
static const struct vae_batch *table_rows(struct rec_build *b, size_t first, size_t n, size_t k,
                                          double (*mu)(size_t row, size_t j), const char *(*c)(size_t row)) {
    struct vae_err err = {0};
    rec_build_reset(b);
    CHECK(!rec_build_rows(b, n, &err), "%s", err.msg);
    for (size_t i = 0; i < n; i++) {
        ((double *)rec_build_data(b, 0))[i] = (double)(first + i);
        for (size_t j = 0; j < k; j++)
            ((double *)rec_build_data(b, 1))[i * k + j] = mu(first + i, j);
        const char *text = c(first + i);
        CHECK(!rec_build_text(b, 2, text, strlen(text), &err), "%s", err.msg);
    }
    return rec_build_batch(b, n);
}

static double noise(size_t row, size_t j) {
    return u(row, j);
}
static const char *nothing(size_t row) {
    return row % 1000 ? "1" : "";
}

static void sample(struct points *p, const struct vae_head *h, size_t rows, size_t batch) {
    struct vae_err err = {0};
    struct vae_plot_opts o = {.x = "id", .y = "z1"};
    struct rec_build *b = rec_build_new(h, &err);
    CHECK(!points_init(p, h, &o, &err), "%s", err.msg);
    for (size_t at = 0; at < rows; at += batch)
        points_add(p, table_rows(b, at, at + batch < rows ? batch : rows - at, 2, noise, nothing));
    rec_build_free(b);
}

/* The sample of 40000 records: each a quarter of the time, whatever the batches. */
static void test_sample(void) {
    enum { ROWS = 4 * POINTS_MOST, TENTHS = 10 };
    struct vae_head *h = table_head("latent", 2);
    struct points p, q;
    size_t count[TENTHS] = {0};
    sample(&p, h, ROWS, ROWS), sample(&q, h, ROWS, 997);
    CHECK(p.n == POINTS_MOST && p.seen == ROWS && q.n == p.n, "%zu and %zu", p.n, q.n);
    CHECK(!memcmp(p.v, q.v, 2 * p.n * sizeof *p.v), "batches make a difference");
    static bool taken[ROWS];
    for (size_t i = 0; i < p.n; i++) {
        size_t row = (size_t)p.v[2 * i];
        CHECK(!taken[row] && fabs(p.v[2 * i + 1] - u(row, 0)) < 1e-12, "row %zu", row);
        taken[row] = true;
        count[row * TENTHS / ROWS]++;
    }
    for (size_t i = 0; i < TENTHS; i++) /* 1000 of a tenth, s.d. 27 */
        CHECK(count[i] > 860 && count[i] < 1140, "%zu of tenth %zu", count[i], i);
    points_free(&p), points_free(&q);
    rec_head_free(h);
}

/* Independent columns, three times as wide as the next, turned by 45 degrees in the first two: variances 9, 1 and 1/9.
 */
static double turned(size_t row, size_t j) {
    double a = 3 * sqrt(12) * (u(row, 0) - 0.5), b = sqrt(12) * (u(row, 1) - 0.5), c = sqrt(12) / 3 * (u(row, 2) - 0.5);
    return 1e200 * (j == 0 ? (a - b) * M_SQRT1_2 : j == 1 ? (a + b) * M_SQRT1_2 : c);
}
static const char *third(size_t row) {
    return row % 3 == 0 ? "b" : row % 3 == 1 ? "a" : "NA";
}

static void test_components(void) {
    enum { ROWS = 6000 };
    struct vae_err err = {0};
    struct vae_plot_opts o = {.colour = "c"};
    struct vae_head *h = table_head("latent", 3);
    struct rec_build *b = rec_build_new(h, &err);
    struct points p;
    struct points_axes a;
    CHECK(!points_init(&p, h, &o, &err), "%s", err.msg);
    points_add(&p, table_rows(b, 0, ROWS, 3, turned, third));
    CHECK(!points_place(&p, &a, &err), "%s", err.msg);
    CHECK(!strcmp(a.name[0], "component 1 of 3 latents: 89 % of variance"), "%s", a.name[0]);
    CHECK(!strcmp(a.name[1], "component 2 of 3 latents: 10 % of variance"), "%s", a.name[1]);
    double worst = 0, mean[2] = {0, 0};
    for (size_t c = 0; c < 2; c++)
        for (size_t i = 0; i < p.n; i++)
            mean[c] += sqrt(12) * (c ? 1 : 3) * (u(i, c) - 0.5) / ROWS;
    double sign = a.xy[1] * (u(0, 1) - 0.5) < 0 ? -1 : 1; /* of the second: either is the largest part */
    for (size_t i = 0; i < p.n; i++) {
        worst = fmax(worst, fabs(a.xy[2 * i] / 1e200 - (3 * sqrt(12) * (u(i, 0) - 0.5) - mean[0])));
        worst = fmax(worst, fabs(sign * a.xy[2 * i + 1] / 1e200 - (sqrt(12) * (u(i, 1) - 0.5) - mean[1])));
    }
    CHECK(worst < 0.15, "a point is off by %g", worst); /* the sample's directions differ from the law's */
    struct points_groups g;
    CHECK(!points_group(&p, &g, &err) && !g.numbers && g.n == 2, "%s: %zu groups", err.msg, g.n);
    CHECK(!strcmp(g.label[0], "a") && g.count[0] == ROWS / 3 && g.count[1] == ROWS / 3 &&
              g.count[POINTS_NONE] == ROWS / 3,
          "%zu %zu %zu", g.count[0], g.count[1], g.count[POINTS_NONE]);
    CHECK(g.group[0] == 1 && g.group[1] == 0 && g.group[2] == POINTS_NONE, "%d %d %d", g.group[0], g.group[1],
          g.group[2]);
    free(g.group), free(a.xy);
    points_free(&p);
    rec_build_free(b);
    rec_head_free(h);
}

/* What stands in column c, and what it is: kinds of colours. */
static const char *const *colours;
static size_t ncolours;
static const char *one_colour(size_t row) {
    return colours[row % ncolours];
}

static void group(const char *const *text, size_t n, struct points_groups *g) {
    struct vae_err err = {0};
    struct vae_plot_opts o = {.colour = "c", .x = "z1", .y = "z2"};
    struct vae_head *h = table_head("latent", 2);
    struct rec_build *b = rec_build_new(h, &err);
    struct points p;
    colours = text, ncolours = n;
    CHECK(!points_init(&p, h, &o, &err), "%s", err.msg);
    points_add(&p, table_rows(b, 0, 3 * n + 1, 2, noise, one_colour)); /* the first has one more */
    CHECK(!points_group(&p, g, &err), "%s", err.msg);
    free(g->group);
    points_free(&p);
    rec_build_free(b);
    rec_head_free(h);
}

static void test_groups(void) {
    static const char *const whole[] = {"10", "2", "-1"}, *const real[] = {"0.5", "", "2"},
                             *const mixed[] = {"1", "1.0", "x"};
    static const char *const many[] = {"0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "10"};
    static const char *const words[] = {"l", "k", "j", "i", "h", "g", "f", "e", "d", "c", "b", "a"};
    static const char *const none[] = {"", "?"};
    struct points_groups g;
    group(whole, 3, &g);
    CHECK(!g.numbers && g.n == 3 && !strcmp(g.label[0], "-1") && !strcmp(g.label[2], "10"), "%s, %s", g.label[0],
          g.label[2]);
    group(real, 3, &g);
    CHECK(g.numbers, "numbers are no groups");
    group(many, 11, &g);
    CHECK(g.numbers, "eleven numbers are no groups");
    group(mixed, 3, &g);
    CHECK(!g.numbers && g.n == 3 && !strcmp(g.label[2], "x"), "%zu: %s", g.n, g.label[2]);
    group(words, 12, &g);
    CHECK(g.n == 10 && !strcmp(g.label[0], "a") && !strcmp(g.label[9], "l"), "%s..%s", g.label[0], g.label[9]);
    CHECK(g.count[9] == 4 && g.count[POINTS_OTHER] == 6, "%zu, %zu others", g.count[9], g.count[POINTS_OTHER]);
    group(none, 2, &g);
    CHECK(!g.numbers && g.n == 0 && g.count[POINTS_NONE] == 7, "%zu groups", g.n);
}

static void test_names(void) {
    struct vae_head *h = table_head("latent", 3);
    struct column c;
    struct vae_err err = {0};
    char name[COLUMN_NAME];
    static const char *const none[] = {"z0", "z4", "z", "z01", "mu1", "z1x", "z99999999999999999999", "", "x"};
    CHECK(!column_find(h, "z3", &c, &err) && c.field == 1 && c.at == 2 && !strcmp(column_name(h, &c, name), "z3"), "%s",
          err.msg);
    CHECK(!column_find(h, "c", &c, &err) && c.field == 2, "%s", err.msg);
    for (size_t i = 0; i < sizeof none / sizeof *none; i++)
        CHECK(column_find(h, none[i], &c, &err) == VAE_EUSAGE && strstr(err.msg, "'id', 'z1'..'z3', 'c'"), "%s: %s",
              none[i], err.msg);
    rec_head_free(h);
}

/* ---- images -------------------------------------------------------------------------------------------------------
 */

static struct vae_head *array_head(enum rec_type type, size_t ndim, const size_t *shape) {
    struct vae_head *h = rec_head_new("data", NULL);
    rec_head_add(h, "x", type, ndim, shape, NULL);
    return h;
}

/* Value 100 y + 10 x + channel of images as the head has them. */
static void test_layouts(void) {
    static const struct {
        size_t ndim, shape[3], nasked, asked[3], height, width, channels; /* height 0: refused */
        bool told;
    } row[] = {
        {2, {3, 4}, 0, {0}, 3, 4, 1, true},
        {3, {3, 4, 3}, 0, {0}, 3, 4, 3, true},
        {3, {3, 4, 5}, 0, {0}, 4, 5, 3, true},
        {3, {1, 4, 5}, 0, {0}, 4, 5, 1, true},
        {1, {64}, 0, {0}, 8, 8, 1, true},
        {1, {49}, 0, {0}, 7, 7, 1, false},
        {1, {12}, 0, {0}, 0, 0, 0, false},
        {1, {12}, 2, {3, 4}, 3, 4, 1, false},
        {1, {12}, 3, {2, 2, 3}, 2, 2, 3, false},
        {1, {12}, 3, {3, 2, 2}, 0, 0, 0, false},
        {1, {12}, 2, {5, 2}, 0, 0, 0, false},
        {3, {3, 4, 5}, 3, {4, 5, 3}, 4, 5, 3, true},
        {1, {12}, 2, {SIZE_MAX, 3}, 0, 0, 0, false},
        {3, {2, 3, 4}, 0, {0}, 0, 0, 0, true},
    };
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        struct vae_head *h = array_head(REC_F32, row[i].ndim, row[i].shape);
        struct images m;
        struct vae_err err = {0};
        int rc = images_init(&m, h, row[i].asked, row[i].nasked, &err);
        CHECK(images_told(h) == row[i].told, "row %zu", i);
        CHECK(row[i].height ? !rc : rc == VAE_EUSAGE, "row %zu: %d %s", i, rc, err.msg);
        CHECK(rc || (m.height == row[i].height && m.width == row[i].width && m.channels == row[i].channels),
              "row %zu: %zu %zu %zu", i, m.height, m.width, m.channels);
        images_free(&m);
        rec_head_free(h);
    }
}

static void test_planes(void) {
    static const size_t behind[] = {2, 4, 3}, planes[] = {3, 2, 4};
    for (size_t k = 0; k < 2; k++) {
        struct vae_err err = {0};
        struct vae_head *h = array_head(REC_F32, 3, k ? planes : behind);
        struct rec_build *b = rec_build_new(h, &err);
        struct images m;
        CHECK(!images_init(&m, h, NULL, 0, &err) && !rec_build_rows(b, 2, &err), "%s", err.msg);
        float *v = rec_build_data(b, 0);
        for (size_t i = 0; i < 48; i++) {
            size_t at = i % 24, y = k ? at / 4 % 2 : at / 12, x = k ? at % 4 : at / 3 % 4, c = k ? at / 8 : at % 3;
            v[i] = (float)(1000 * (i / 24) + 100 * y + 10 * x + c);
        }
        const struct vae_batch *batch = rec_build_batch(b, 2);
        CHECK(!images_add(&m, batch, 0, &err) && !images_add(&m, batch, 1, &err), "%s", err.msg);
        for (size_t i = 0; i < 48; i++) {
            size_t y = i / 12 % 2, x = i / 3 % 4, c = i % 3;
            CHECK(fabsf(images_at(&m, i / 24, y, x, c) - (float)(1000 * (i / 24) + 100 * y + 10 * x + c)) < 0.1f, "%zu",
                  i);
        }
        images_free(&m), rec_build_free(b), rec_head_free(h);
    }
}

static void no_row(void *ctx, size_t y, unsigned char *row) {
    (void)y, (void)row;
    ++*(size_t *)ctx;
}

static void test_sizes(void) {
    static const size_t bad[][2] = {
        {0, 1}, {1, 0}, {PNG_SIDE_MAX + 1, 1}, {1 << 14, 1 << 13}, {SIZE_MAX, 2}, {SIZE_MAX, SIZE_MAX}};
    size_t rows = 0;
    struct vae_err err = {0};
    struct sink *s = sink_memory();
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        CHECK(png_write(s, bad[i][0], bad[i][1], 1, no_row, &rows, &err) == VAE_EUSAGE && rows == 0, "%zu", i);
    CHECK(!png_write(s, 1, PNG_SIDE_MAX, 1, no_row, &rows, &err) && rows == PNG_SIDE_MAX, "%s", err.msg);
    sink_close(s, true, NULL);
}

/* ---- lines --------------------------------------------------------------------------------------------------------
 */

/* A million points with one spike each way: the line is short, and both spikes are there. */
static void test_spikes(void) {
    enum { ROWS = 1000000, UP = 123456, DOWN = 900001 };
    struct vae_err err = {0};
    struct vae_head *h = rec_head_new("data", NULL);
    const struct vae_plot_opts o = {0};
    rec_head_add(h, "step", REC_F64, 0, NULL, NULL);
    rec_head_add(h, "elbo", REC_F64, 0, NULL, NULL);
    struct rec_build *b = rec_build_new(h, &err);
    CHECK(!rec_build_rows(b, ROWS, &err) && plot_curve.suits(h, &o), "%s", err.msg);
    for (size_t i = 0; i < ROWS; i++) {
        ((double *)rec_build_data(b, 0))[i] = (double)i;
        ((double *)rec_build_data(b, 1))[i] = i == DOWN ? -9 : i == UP ? NAN : i == UP + 1 ? 9 : sin((double)i);
    }
    struct sink *s = sink_memory();
    void *c = plot_curve.open(h, &o, &err);
    CHECK(!plot_curve.put(c, rec_build_batch(b, ROWS), &err) && !plot_curve.draw(c, s, &err) && !sink_flush(s, &err),
          "%s", err.msg);
    size_t n, spikes[2] = {0, 0};
    const char *text = (const char *)sink_bytes(s, &n), *line = strstr(text, "class=\"l c0\"");
    CHECK(n < 100000 && line && (line = strstr(line, " d=\"M")), "%zu bytes", n);
    double low = INFINITY, high = -INFINITY, x, y;
    int used;
    for (const char *d = line + 5; sscanf(d, "%lf %lf%n", &x, &y, &used) == 2; d += used)
        range_add(&low, &high, y);
    for (const char *d = line + 5; sscanf(d, "%lf %lf%n", &x, &y, &used) == 2; d += used) {
        spikes[0] += y <= low, spikes[1] += y >= high;
        double step = y <= low ? UP + 1 : DOWN;
        CHECK((y > low && y < high) || fabs(x - (84 + 656 * step / (ROWS - 1))) < 0.06, "a spike at %g", x);
    }
    CHECK(spikes[0] == 1 && spikes[1] == 1, "%zu and %zu spikes", spikes[0], spikes[1]);
    plot_curve.close(c);
    sink_close(s, true, NULL);
    rec_build_free(b), rec_head_free(h);
}

int main(void) {
    test_axis();
    test_svg();
    test_sample();
    test_components();
    test_groups();
    test_names();
    test_layouts();
    test_planes();
    test_sizes();
    test_spikes();
    return test_done();
}
