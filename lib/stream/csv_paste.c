/* csv_paste.c - the header row of a table whose rows are carried whole, when columns are appended to it. */
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "stream/csv.h"

/* Is one of the names that go behind the rows among these n cells? name is room for one. */
static int find_clash(const struct vae_head *head, const char *p, const uint32_t *cells, size_t n, char *name,
                      struct vae_err *err) {
    char text[80];
    for (size_t i = 0; i < n; i++) {
        size_t len = csv_name(p + cells[2 * i], cells[2 * i + 1] - cells[2 * i], name);
        for (size_t f = 0; f < head->nfields; f++)
            if (!head->fields[f].whole && strlen(head->fields[f].name) == len && !memcmp(head->fields[f].name, name, len))
                return err_set(err, VAE_EDATA, "the input has a column '%s' already: rename it, or leave --paste out",
                               err_quote(text, sizeof text, name, len));
    }
    return 0;
}

int csv_paste_check(const struct vae_head *head, const char *row, size_t n, char delim, struct vae_err *err) {
    char *copy = mem_array(2 * n + CSV_SLACK, 1); /* the row, bytes that a scan may read, a name */
    uint32_t *cells = NULL;
    struct csv_scan scan;
    struct csv_row found = {0};
    int rc = VAE_EOS;
    if (copy) {
        memcpy(copy, row, n);
        csv_scan_start(&scan, copy, 0, n, delim);
        csv_scan_last(&scan, NULL, 0, &found);
        cells = mem_array(found.n, 2 * sizeof *cells);
    }
    if (cells) {
        csv_scan_start(&scan, copy, 0, n, delim);
        csv_scan_last(&scan, cells, found.n, &found);
        rc = find_clash(head, copy, cells, found.n, copy + n + CSV_SLACK, err);
    } else {
        err_set(err, VAE_EOS, "out of memory");
    }
    free(copy), free(cells);
    return rc;
}
