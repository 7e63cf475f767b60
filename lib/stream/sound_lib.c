/* sound_lib.c - libsndfile and libsamplerate, loaded when they are needed. */
#include "stream/sound_lib.h"

#include <pthread.h>

#include "base/dl.h"

static struct {
    pthread_mutex_t lock;
    void *file_handle, *rate_handle;
    struct sound_file_lib file;
    struct sound_rate_lib rate;
} libs = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* Loads it once. */
static void *need(void **handle, const char *file, const char *called, const struct dl_symbol *symbols, size_t n, struct vae_err *err) {
    pthread_mutex_lock(&libs.lock);
    if (!*handle)
        *handle = dl_open(file, called, symbols, n, err);
    void *lib = *handle;
    pthread_mutex_unlock(&libs.lock);
    return lib;
}

const struct sound_file_lib *sound_file_lib(struct vae_err *err) {
    struct sound_file_lib *f = &libs.file;
    const struct dl_symbol symbols[] = {{"sf_open_fd", &f->open_fd},         {"sf_close", &f->close},
                                        {"sf_error", &f->error},             {"sf_strerror", &f->strerror},
                                        {"sf_readf_float", &f->readf_float}, {"sf_writef_float", &f->writef_float},
                                        {"sf_command", &f->command},         {"sf_format_check", &f->format_check}};
    return need(&libs.file_handle, "libsndfile.so.1", "libsndfile", symbols, sizeof symbols / sizeof *symbols, err) ? f : NULL;
}

const struct sound_rate_lib *sound_rate_lib(struct vae_err *err) {
    struct sound_rate_lib *r = &libs.rate;
    const struct dl_symbol symbols[] = {{"src_new", &r->new},
                                        {"src_delete", &r->delete},
                                        {"src_process", &r->process},
                                        {"src_strerror", &r->strerror},
                                        {"src_is_valid_ratio", &r->is_valid_ratio}};
    return need(&libs.rate_handle, "libsamplerate.so.0", "libsamplerate", symbols, sizeof symbols / sizeof *symbols, err) ? r : NULL;
}
