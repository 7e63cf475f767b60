/* svg.c - drawings as SVG text. */
#include "report/svg.h"

#include <math.h>
#include <string.h>

#include "base/err.h"
#include "base/num.h"

/* Class cN is colour N, `l` a line and `a` an area of it. */
static const char style[] =
    "<style>"
    "text{font-family:sans-serif;font-size:12px;fill:#333}.t{font-size:15px}.n{fill:#666}"
    ".bg{fill:#fff}.g{stroke:#e3e3e3;stroke-width:1}.f{fill:none;stroke:#999;stroke-width:1}"
    ".l{fill:none;stroke:currentColor;stroke-width:1.6;stroke-linejoin:round;stroke-linecap:round}.a{fill:currentColor}"
    ".c0{color:#0072b2}.c1{color:#e69f00}.c2{color:#009e73}.c3{color:#d55e00}.c4{color:#cc79a7}.c5{color:#56b4e9}"
    ".c6{color:#882255}.c7{color:#999933}.c8{color:#332288}.c9{color:#444}.c10{color:#999}"
    "@media(prefers-color-scheme:dark){.c6{color:#b0436f}.c8{color:#8878dd}.c9{color:#ccc}"
    "text{fill:#ddd}.n{fill:#aaa}.bg{fill:#1b1e24}.g{stroke:#363b45}.f{stroke:#777}}"
    "</style>\n";

static const unsigned char scale[][3] = {
    {0x2f, 0x6b, 0xc7}, {0x6f, 0x77, 0xb8}, {0xa6, 0x82, 0x9a}, {0xd0, 0x8f, 0x6c}, {0xef, 0xa4, 0x2e}};
enum { STOPS = sizeof scale / sizeof scale[0] };

static void put(struct svg *s, const char *text) {
    if (!s->rc)
        s->rc = buf_put(&s->out, text, strlen(text), s->err);
}

/* A coordinate: tenths of a pixel are enough for eyes. */
static void put_number(struct svg *s, double v) {
    char text[NUM_MAX];
    v = v > 1e6 ? 1e6 : v > -1e6 ? v : -1e6; /* NaN too */
    size_t n = num_put_fixed(text, v, 1);
    if (text[n - 1] == '0')
        n -= 2;
    if (!s->rc)
        s->rc = buf_put(&s->out, text, n, s->err);
}

static void put_attribute(struct svg *s, const char *name, double v) {
    put(s, " "), put(s, name), put(s, "=\""), put_number(s, v), put(s, "\"");
}

static void put_index(struct svg *s, const char *before, size_t i, const char *after) {
    if (!s->rc)
        s->rc = buf_printf(&s->out, s->err, "%s%zu%s", before, i, after);
}

/* What XML has no room for is shown as \xNN, what it gives a meaning as an entity. */
static void put_text(struct svg *s, const char *text) {
    char safe[1024];
    vae_quote(safe, sizeof safe, text, strlen(text));
    for (const char *p = safe; *p; p++) {
        char one[2] = {*p, 0};
        bool none = !strncmp(p, "\xef\xbf\xbe", 3) || !strncmp(p, "\xef\xbf\xbf", 3); /* U+FFFE and U+FFFF */
        put(s, none ? "\xef\xbf\xbd" : *p == '&' ? "&amp;" : *p == '<' ? "&lt;" : *p == '>' ? "&gt;" : one);
        p += none ? 2 : 0;
    }
}

/* ---- the drawing ----------------------------------------------------------------------------------------------- */

void svg_begin(struct svg *s, double width, double height, const char *title, const char *note, struct vae_err *err) {
    char text[160];
    size_t room = (size_t)(width / 9); /* characters that fit */
    *s = (struct svg){.err = err};
    put(s, "<svg xmlns=\"http://www.w3.org/2000/svg\" xmlns:xlink=\"http://www.w3.org/1999/xlink\" role=\"img\"");
    put_attribute(s, "width", width), put_attribute(s, "height", height);
    put(s, " viewBox=\"0 0 "), put_number(s, width), put(s, " "), put_number(s, height), put(s, "\">\n<title>");
    put_text(s, title), put(s, "</title>\n"), put(s, style);
    put(s, "<rect class=\"bg\" width=\"100%\" height=\"100%\"/>\n");
    vae_quote(text, room < sizeof text ? room : sizeof text, title, strlen(title));
    put(s, "<text class=\"t\" x=\"16\" y=\"24\">"), put_text(s, text), put(s, "</text>\n");
    put(s, "<text class=\"n\" x=\"16\" y=\"43\">"), put_text(s, note), put(s, "</text>\n");
}

int svg_end(struct svg *s) {
    put(s, "</svg>\n");
    return s->rc;
}

void svg_line(struct svg *s, double x1, double y1, double x2, double y2) {
    put(s, "<line class=\"g\"");
    put_attribute(s, "x1", x1), put_attribute(s, "y1", y1), put_attribute(s, "x2", x2), put_attribute(s, "y2", y2);
    put(s, "/>\n");
}

static void put_box(struct svg *s, double x, double y, double width, double height) {
    put_attribute(s, "x", x), put_attribute(s, "y", y);
    put_attribute(s, "width", width), put_attribute(s, "height", height);
    put(s, "/>");
}

void svg_frame(struct svg *s, double x, double y, double width, double height) {
    put(s, "<rect class=\"f\""), put_box(s, x, y, width, height), put(s, "\n");
}

/* ---- words ----------------------------------------------------------------------------------------------------- */

void svg_text(struct svg *s, double x, double y, enum svg_at at, const char *text) {
    static const char *const anchor[] = {"", " text-anchor=\"middle\"", " text-anchor=\"end\""};
    put(s, "<text"), put_attribute(s, "x", x), put_attribute(s, "y", y), put(s, anchor[at]), put(s, ">");
    put_text(s, text), put(s, "</text>\n");
}

void svg_text_up(struct svg *s, double x, double y, const char *text) {
    put(s, "<text text-anchor=\"middle\" transform=\"translate("), put_number(s, x), put(s, " "), put_number(s, y);
    put(s, ")rotate(-90)\">"), put_text(s, text), put(s, "</text>\n");
}

char *svg_label(char out[SVG_LABEL], const char *text, size_t n) {
    return vae_quote(out, SVG_LABEL, text, n);
}

double svg_width(const char *text) {
    double width = 0;
    for (; *text; text++) /* one per character: what follows in UTF-8 begins with bits 10 */
        width += (*text & 0xc0) == 0x80 ? 0 : strchr("ijl.,:;'|!ftr ()", *text) ? 4.5 : 7.2;
    return width;
}

/* ---- paths and marks ------------------------------------------------------------------------------------------- */

void svg_line_path(struct svg *s, size_t colour, size_t frame, double x, double y, double width, double height) {
    put_index(s, "<clipPath id=\"k", frame, "\"><rect"), put_box(s, x, y, width, height), put(s, "</clipPath>\n");
    put_index(s, "<path class=\"l c", colour, "\""), put_index(s, " clip-path=\"url(#k", frame, ")\" d=\"");
}

void svg_area_path(struct svg *s, size_t colour) {
    put_index(s, "<path class=\"a c", colour, "\" d=\"");
}

void svg_move(struct svg *s, double x, double y) {
    put(s, "M"), put_number(s, x), put(s, " "), put_number(s, y);
}
void svg_to(struct svg *s, double x, double y) {
    put(s, " "), put_number(s, x), put(s, " "), put_number(s, y);
}
void svg_path_end(struct svg *s) {
    put(s, "\"/>\n");
}

/* Corners of the shapes in radii; none: a circle. */
static const struct {
    size_t n;
    double x[12], y[12];
} shapes[SVG_SHAPES] = {
    {0, {0}, {0}},
    {4, {-0.9, 0.9, 0.9, -0.9}, {-0.9, -0.9, 0.9, 0.9}},
    {3, {0, 1.15, -1.15}, {-1.15, 0.85, 0.85}},
    {4, {0, 1.3, 0, -1.3}, {-1.3, 0, 1.3, 0}},
    {12,
     {-0.4, 0.4, 0.4, 1.2, 1.2, 0.4, 0.4, -0.4, -0.4, -1.2, -1.2, -0.4},
     {-1.2, -1.2, -0.4, -0.4, 0.4, 0.4, 1.2, 1.2, 0.4, 0.4, -0.4, -0.4}},
};

static void define(struct svg *s, size_t mark, size_t shape, double r, double opacity) {
    put_attribute(s, "fill-opacity", opacity), put_index(s, " id=\"m", mark, "\" d=\"");
    if (shapes[shape].n == 0) {
        svg_move(s, -r, 0);
        for (int half = 1; half >= -1; half -= 2) {
            put(s, "a"), put_number(s, r), put(s, " "), put_number(s, r);
            put(s, " 0 1 0"), svg_to(s, half * 2 * r, 0);
        }
    }
    for (size_t i = 0; i < shapes[shape].n; i++)
        (i ? svg_to : svg_move)(s, r * shapes[shape].x[i], r * shapes[shape].y[i]);
    put(s, "z\"/></defs>\n");
}

void svg_define_mark(struct svg *s, size_t mark, size_t shape, size_t colour, double r, double opacity) {
    put_index(s, "<defs><path class=\"a c", colour, "\""), define(s, mark, shape, r, opacity);
}

/* The colour at t (0..1) of the scale, "#rrggbb". */
static void put_shade(struct svg *s, double t) {
    static const char hex[] = "0123456789abcdef";
    size_t i = (size_t)(t * (STOPS - 1));
    i = i < STOPS - 1 ? i : STOPS - 2;
    char text[8] = "#";
    for (size_t k = 0; k < 3; k++) {
        double v = scale[i][k] + (t * (STOPS - 1) - (double)i) * (scale[i + 1][k] - scale[i][k]);
        text[1 + 2 * k] = hex[(int)(v + 0.5) >> 4], text[2 + 2 * k] = hex[(int)(v + 0.5) & 15];
    }
    put(s, text);
}

void svg_define_shade(struct svg *s, size_t mark, size_t shade, double r, double opacity) {
    put(s, "<defs><path fill=\""), put_shade(s, ((double)shade + 0.5) / SVG_SHADES), put(s, "\"");
    define(s, mark, 0, r, opacity);
}

void svg_mark(struct svg *s, size_t mark, double x, double y) {
    put_index(s, "<use xlink:href=\"#m", mark, "\""), put_attribute(s, "x", x), put_attribute(s, "y", y),
        put(s, "/>\n");
}

void svg_scale(struct svg *s, double x, double y, double width, double height) {
    put(s, "<defs><linearGradient id=\"s\" x1=\"0\" y1=\"1\" x2=\"0\" y2=\"0\">");
    for (size_t i = 0; i < STOPS; i++) {
        put(s, "<stop"), put_attribute(s, "offset", (double)i / (STOPS - 1)), put(s, " stop-color=\"");
        put_shade(s, (double)i / (STOPS - 1)), put(s, "\"/>");
    }
    put(s, "</linearGradient></defs>\n<rect fill=\"url(#s)\""), put_box(s, x, y, width, height), put(s, "\n");
}
