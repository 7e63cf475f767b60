/* plot.c - pictures: the table of kinds, and what is done for all of them. */
#include "report/plot.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"

/* Anything with numbers makes a scatter, so that is last. */
static const struct plot_kind *const kinds[] = {&plot_grid, &plot_curve, &plot_scatter, NULL};

struct vae_plot {
    const struct plot_kind *kind;
    void *self;
    struct sink *sink;
};

const char *vae_plot_kind(size_t i, const char **about) {
    if (about && kinds[i])
        *about = kinds[i]->about;
    return kinds[i] ? kinds[i]->name : NULL;
}

static const struct plot_kind *choose(const struct vae_head *head, const struct vae_plot_opts *o, struct vae_err *err) {
    for (size_t i = 0; kinds[i]; i++)
        if (o->kind ? !strcmp(o->kind, kinds[i]->name) : kinds[i]->suits(head, o))
            return kinds[i];
    err_set(err, VAE_EUSAGE, "no picture is called '%s'", o->kind);
    return NULL;
}

/* Takes self over, also on failure, but for a self of NULL. */
static struct vae_plot *start(const struct plot_kind *kind, void *self, const char *path, struct vae_err *err) {
    struct vae_plot *p = self ? mem_array(1, sizeof *p) : NULL;
    if (p) {
        *p = (struct vae_plot){kind, self, sink_open(path, -1, err)};
        if (p->sink && !sink_is_tty(p->sink))
            return p;
        if (p->sink)
            err_set(err, VAE_EUSAGE, "a picture is nothing for a terminal; name a file (-o FILE)");
        sink_close(p->sink, false, NULL);
    } else if (self) {
        err_set(err, VAE_EOS, "out of memory");
    }
    if (self)
        kind->close(self);
    free(p);
    return NULL;
}

struct vae_plot *vae_plot_open(const struct vae_head *head, const struct vae_plot_opts *o, const char *path,
                               struct vae_err *err) {
    const struct plot_kind *kind = choose(head, o, err);
    return kind ? start(kind, kind->open(head, o, err), path, err) : NULL;
}

struct vae_plot *vae_plot_model(const struct vae_model *m, const struct vae_plot_opts *o, const char *path,
                                struct vae_err *err) {
    return start(&plot_kl, kl_open(m, o, err), path, err);
}

int vae_plot_put(struct vae_plot *p, const struct vae_batch *b, struct vae_err *err) {
    return p->kind->put(p->self, b, err);
}

const char *vae_plot_note(const struct vae_plot *p) {
    return p->kind->note ? p->kind->note(p->self) : NULL;
}

int vae_plot_close(struct vae_plot *p, int status, struct vae_err *err) {
    if (!p)
        return 0;
    struct vae_err later = {0};
    int rc = status ? 0 : p->kind->draw(p->self, p->sink, err);
    p->kind->close(p->self);
    int end = sink_close(p->sink, rc == 0 && status == 0, &later);
    free(p);
    if (rc == 0 && end < 0) {
        rc = end;
        if (err)
            *err = later;
    }
    return rc;
}

int plot_finish(struct svg *s, struct sink *sink, struct vae_err *err) {
    int rc = svg_end(s);
    rc = rc ? rc : sink_write(sink, s->out.p, s->out.n, err);
    buf_free(&s->out);
    return rc;
}
