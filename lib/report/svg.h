/*
 * svg.h - drawings as SVG 1.1: lines, paths, marks and words, as text that is the same bytes each time.
 *
 * A drawing brings its own background, light, or dark where the reader prefers that, so it can be read on any page.
 * The first six colours are those that Okabe & Ito (2008) chose for people with any colour vision, without black and
 * yellow; three more are from Tol's muted scheme (2021). The scale of numbers runs from blue to orange and gets lighter
 * all the way.
 *
 * The first failure sticks: later calls do nothing, and svg_end() returns its code.
 */
#ifndef REPORT_SVG_H
#define REPORT_SVG_H

#include <stddef.h>

#include "base/mem.h"
#include "vae.h"

enum {
    SVG_COLOURS = 10,
    SVG_GREY = SVG_COLOURS, /* the colour of what is not looked for */
    SVG_SHADES = 24,        /* steps of the scale of numbers */
    SVG_SHAPES = 5,
    SVG_LABEL = 40, /* bytes of a label, with its NUL */
};

struct svg {
    struct buf out;
    int rc; /* code of the first failure */
    struct vae_err *err;
};

/* Begins a drawing with a title on top and a note below it; "" for none. */
void svg_begin(struct svg *, double width, double height, const char *title, const char *note, struct vae_err *);
/* Ends it: 0 and out is whole, or the code of the first failure. The caller frees out whatever comes of it. */
int svg_end(struct svg *);

void svg_line(struct svg *, double x1, double y1, double x2, double y2);
void svg_frame(struct svg *, double x, double y, double width, double height);

/* Words whose base line starts at, has its middle at or ends at x, y. Any text will do. */
enum svg_at { SVG_START, SVG_MIDDLE, SVG_END };
void svg_text(struct svg *, double x, double y, enum svg_at, const char *text);
void svg_text_up(struct svg *, double x, double y, const char *text); /* turned to the left, its middle at x, y */
/* Text as it may stand in a label: printable, "..." where cut. Returns out. */
char *svg_label(char out[SVG_LABEL], const char *text, size_t n);
/* How wide text is, nearly. */
double svg_width(const char *text);

/* A path is begun, then moved and drawn, then ended. A line: what lies outside of the frame is cut off. */
void svg_line_path(struct svg *, size_t colour, size_t frame, double x, double y, double width, double height);
void svg_area_path(struct svg *, size_t colour);
void svg_move(struct svg *, double x, double y);
void svg_to(struct svg *, double x, double y);
void svg_path_end(struct svg *);

/* Marks are defined once in a drawing, by a number, as one of SVG_SHAPES shapes (0: a circle) of radius r in a colour,
 * or as a circle in step `shade` < SVG_SHADES of the scale of numbers. */
void svg_define_mark(struct svg *, size_t mark, size_t shape, size_t colour, double r, double opacity);
void svg_define_shade(struct svg *, size_t mark, size_t shade, double r, double opacity);
void svg_mark(struct svg *, size_t mark, double x, double y);
/* A bar with the scale of numbers, its low end below. */
void svg_scale(struct svg *, double x, double y, double width, double height);

#endif
