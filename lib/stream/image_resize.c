/* image_resize.c - images of other sizes and channels (image.h), by stb_image_resize. The only user of stb. */
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "stream/image.h"

#define STB_IMAGE_RESIZE_STATIC
#define STB_IMAGE_RESIZE_IMPLEMENTATION
#include <stb/stb_image_resize.h>

/* Pixels of `from` channels -> of `to`. */
static void convert(const unsigned char *in, size_t from, unsigned char *out, size_t to, size_t n) {
    for (size_t i = 0; i < n; i++, in += from, out += to) {
        bool colour = from > 2, wanted = to > 2;
        unsigned char alpha = from % 2 ? 255 : in[from - 1];
        unsigned char grey = colour ? (unsigned char)((299 * in[0] + 587 * in[1] + 114 * in[2] + 500) / 1000) : in[0];
        for (size_t c = 0; c < (wanted ? 3 : 1); c++)
            out[c] = wanted && colour ? in[c] : grey;
        if (to % 2 == 0)
            out[to - 1] = alpha;
    }
}

/* Of a filter that reaches over 4 * scale rows stb holds so many rows of the new image as floats, and counts their bytes in an int. */
static bool fits(const struct image *m, const size_t size[3]) {
    enum { ROWS_MAX = 256 << 20 };
    size_t reach = 4 * (m->height / size[0] + 1);
    return size[1] * size[2] <= ROWS_MAX / sizeof(float) / reach;
}

int image_resize(const struct image *m, const size_t size[3], struct image *out, struct vae_err *err) {
    struct image own = {0};
    const struct image *from = m;
    int rc = 0;
    if (!fits(m, size))
        return err_set(err, VAE_EDATA, "--resize: an image of %zux%zu pixels is too high for one of %zux%zu", m->height, m->width, size[0],
                       size[1]);
    if (m->channels != size[2]) {
        rc = image_room(&own, m->height, m->width, size[2], "--resize", err);
        if (!rc)
            convert(m->v, m->channels, own.v, size[2], m->height * m->width);
        from = &own;
    }
    rc = rc ? rc : image_room(out, size[0], size[1], size[2], "--resize", err);
    if (!rc && !stbir_resize_uint8(from->v, (int)from->width, (int)from->height, 0, out->v, (int)out->width, (int)out->height, 0,
                                   (int)size[2]))
        rc = err_set(err, VAE_EOS, "out of memory");
    free(own.v);
    return rc;
}
