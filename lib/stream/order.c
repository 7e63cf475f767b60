/* order.c - in which order a table has its fields. */
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "stream/format.h"

size_t *stream_order(const struct vae_head *head, struct vae_err *err) {
    json_t *columns = strcmp(head->kind, "data") ? NULL : json_object_get(head->origin, "columns"), *name;
    bool *placed = mem_array(head->nfields, sizeof *placed);
    size_t *order = mem_array(head->nfields, sizeof *order), i, n = 0;
    if (!order || !placed) {
        free(placed), free(order);
        err_set(err, VAE_EOS, "out of memory");
        return NULL;
    }
    json_array_foreach(columns, i, name) {
        int j = json_is_string(name) ? rec_head_find(head, json_string_value(name)) : -1;
        if (j >= 0 && !placed[j]) {
            placed[j] = true;
            order[n++] = (size_t)j;
        }
    }
    for (size_t j = 0; j < head->nfields; j++)
        if (!placed[j])
            order[n++] = j;
    free(placed);
    return order;
}
