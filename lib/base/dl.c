/* dl.c - the one place that calls dlopen. */
#include "base/dl.h"

#include <dlfcn.h>
#include <string.h>

#include "base/err.h"

bool dl_find(void *lib, const char *name, void *fn) {
    void *p = dlsym(lib, name);
    memcpy(fn, &p, sizeof p); /* POSIX says that pointers to functions have the size of others */
    return p != NULL;
}

void *dl_open(const char *file, const char *called, const struct dl_symbol *symbols, size_t n, struct vae_err *err) {
    void *lib = dlopen(file, RTLD_NOW | RTLD_LOCAL);
    if (!lib) {
        err_set(err, VAE_EOS, "cannot load %s: %s", called, dlerror());
        return NULL;
    }
    for (size_t i = 0; i < n; i++)
        if (!dl_find(lib, symbols[i].name, symbols[i].fn)) {
            err_set(err, VAE_EOS, "%s is not a whole %s: it lacks %s", file, called, symbols[i].name);
            dlclose(lib);
            return NULL;
        }
    return lib;
}

void dl_close(void *lib) {
    if (lib)
        dlclose(lib);
}
