/* file_cells.h - the cells of a schema in a model file. */
#ifndef MODEL_FILE_CELLS_H
#define MODEL_FILE_CELLS_H

#include "model/tensors.h"
#include "schema/schema.h"

/* The arrays as they stand in the file; they must live until it is written. */
struct file_cells {
    int32_t *count, *level;
    double *number[6];
};
/* Adds the cells of all values to a file being made; nothing where there are none. file_cells_free() in any case. */
int file_cells_add(struct tensors *, const struct schema *, struct file_cells *, struct vae_err *);
void file_cells_free(struct file_cells *);
/* Fills s->cells from a file. VAE_EDATA where they make no sense. */
int file_cells_get(const struct tensors *, struct schema *, struct vae_err *);

#endif
