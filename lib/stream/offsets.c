/* offsets.c - see offsets.h. The inode tells apart files that had the same name one after the other. */
#include "stream/offsets.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/num.h"

struct offsets {
    struct vae_head *head;
    struct rec_build *build;
    bool file;
};

struct offsets *offsets_open(struct vae_head *head, bool file, struct vae_err *err) {
    static const char *const names[] = {"file", "inode", "offset"};
    struct offsets *o = mem_array(1, sizeof *o);
    int rc = o && (o->head = rec_head_new("data", err)) ? 0 : err_set(err, VAE_EOS, "out of memory");
    for (size_t i = !file; i < 3 && rc == 0; i++) {
        if (rec_head_find(head, names[i]) >= 0) {
            rc = err_set(err, VAE_EUSAGE, "the data has a column '%s', where that of the input belongs; write with -o FILE",
                         names[i]);
            break;
        }
        struct rec_field *f = rec_head_add(head, names[i], REC_UTF8, 0, NULL, err);
        if (!f || !rec_head_add(o->head, names[i], REC_UTF8, 0, NULL, err))
            rc = VAE_EOS;
        else
            f->keep = true;
    }
    if (rc == 0 && (o->build = rec_build_new(o->head, err))) {
        o->file = file;
        return o;
    }
    offsets_free(o);
    return NULL;
}

void offsets_free(struct offsets *o) {
    if (!o)
        return;
    rec_build_free(o->build);
    rec_head_free(o->head);
    free(o);
}

int offsets_next(struct offsets *o, const struct state_file *file, const struct stream_format *format, const void *reader,
                 size_t n, struct rec_col *cols, struct vae_err *err) {
    char text[NUM_MAX];
    struct stream_place at;
    size_t f = 0;
    int rc = 0;
    rec_build_reset(o->build);
    for (size_t i = 0; i < n && rc == 0; i++, f = 0) {
        if (o->file)
            rc = rec_build_text(o->build, f++, file->path, strlen(file->path), err);
        if (rc == 0)
            rc = rec_build_text(o->build, f++, text, num_put_u64(text, file->mark.inode), err);
        format->place(reader, i, &at);
        if (rc == 0)
            rc = rec_build_text(o->build, f, text, num_put_u64(text, at.offset), err);
    }
    memcpy(cols, rec_build_batch(o->build, n)->cols, o->head->nfields * sizeof *cols);
    return rc;
}
