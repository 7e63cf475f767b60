/* labels.h - conditions that stand beside the data: a reader whose records go with those of another one, row by row. */
#ifndef STREAM_LABELS_H
#define STREAM_LABELS_H

#include "base/rec.h"

struct labels;
/* Opens the file and adds its columns to the head, as text: those of a table, or of an array, of one value a record, "label". */
struct labels *labels_open(const char *path, struct vae_head *, struct vae_err *);
/* Or a label that is the name of the folder that each operand is in. */
struct labels *labels_from_folders(struct vae_head *, struct vae_err *);
void labels_free(struct labels *);
/* The labels of the next *n records, all of which are of the operand `path`, as columns -> cols[], which live until the next
 * call. VAE_EDATA where there are fewer good ones; *n says how many. quoted: are text cells of the records in CSV form? */
int labels_next(struct labels *, const char *path, size_t *n, bool quoted, struct rec_col *cols, struct vae_err *);
/* VAE_EDATA where there are more of them. */
int labels_end(struct labels *, struct vae_err *);

#endif
