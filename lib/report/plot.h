/* plot.h - a kind of picture: one row of a table. A new kind is a file and a row. */
#ifndef REPORT_PLOT_H
#define REPORT_PLOT_H

#include "base/rec.h"
#include "report/svg.h"
#include "stream/sink.h"
#include "vae.h"

struct plot_kind {
    const char *name, *about;
    /* Are records with this head drawn so where the options name no kind? Rows are asked in their order. */
    bool (*suits)(const struct vae_head *, const struct vae_plot_opts *);
    /* Head and options outlive what it returns. */
    void *(*open)(const struct vae_head *, const struct vae_plot_opts *, struct vae_err *);
    int (*put)(void *, const struct vae_batch *, struct vae_err *);
    int (*draw)(void *, struct sink *, struct vae_err *); /* after the last record */
    const char *(*note)(void *);                          /* what is not in the picture, NULL: nothing; may be NULL */
    void (*close)(void *);
};

extern const struct plot_kind plot_grid, plot_curve, plot_scatter;

/* The one that is made of a model: it has no open() and no put(). NULL and err. */
extern const struct plot_kind plot_kl;
void *kl_open(const struct vae_model *, const struct vae_plot_opts *, struct vae_err *);

/* Ends a drawing, puts it to the sink and frees it. 0 or the code of the first failure. */
int plot_finish(struct svg *, struct sink *, struct vae_err *);

#endif
