/* sound_file.c - sound by libsndfile, from a file it can seek in. What it declares is a claim: frames are read until they end, counted,
 * and compared with it. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/mem.h"
#include "stream/sound.h"
#include "stream/sound_lib.h"

const struct sound_kind sound_kinds[] = {
    {"s16", 2, false, SF_FORMAT_PCM_16}, {"s24", 3, false, SF_FORMAT_PCM_24}, {"s32", 4, false, SF_FORMAT_PCM_32},
    {"f32", 4, true, SF_FORMAT_FLOAT},   {"f64", 8, true, SF_FORMAT_DOUBLE},  {"u8", 1, false, SF_FORMAT_PCM_U8},
    {"s8", 1, false, SF_FORMAT_PCM_S8},  {"coded", 0, false, 0},              {0}};

const struct sound_kind *sound_kind_by_name(const char *name) {
    for (const struct sound_kind *k = sound_kinds; name && k->bytes; k++)
        if (!strcmp(k->name, name))
            return k;
    return sound_kinds;
}

struct file {
    const struct sound_file_lib *lib;
    SNDFILE *snd;
    const char *name;
    int64_t declared, given;
};

static long file_read(void *ctx, float *to, size_t n, struct vae_err *err) {
    struct file *f = ctx;
    sf_count_t got = f->lib->readf_float(f->snd, to, (sf_count_t)n);
    f->given += got > 0 ? got : 0;
    if (got > 0)
        return (long)got;
    if (f->lib->error(f->snd))
        return err_set(err, VAE_EDATA, "%s: damaged behind %" PRId64 " sample frames (%s)", f->name, f->given, f->lib->strerror(f->snd));
    if (f->declared >= 0 && f->given < f->declared)
        return err_set(err, VAE_EDATA, "%s: ends early, behind %" PRId64 " of %" PRId64 " sample frames", f->name, f->given, f->declared);
    return 0;
}

static void file_close(void *ctx) {
    struct file *f = ctx;
    if (f->snd)
        f->lib->close(f->snd);
    free(f);
}

/* The last page of an Ogg stream is marked so (RFC 3533). Pages are at most 65307 bytes. */
static bool ogg_ends(int fd, off_t end) {
    enum { PAGE = 65307, HEAD = 27 };
    off_t from = end > PAGE ? end - PAGE : 0;
    unsigned char *p = mem_array(PAGE, 1);
    ssize_t n = p ? pread(fd, p, PAGE, from) : 0, at = n - HEAD;
    while (at >= 0 && memcmp(p + at, "OggS", 4) != 0)
        at--;
    ssize_t size = at >= 0 ? HEAD + p[at + 26] : 0;
    for (ssize_t i = 0; at >= 0 && i < p[at + 26] && at + HEAD + i < n; i++)
        size += p[at + HEAD + i];
    bool ends = !p /* out of memory: not told of here */ || (at >= 0 && at + size == n && p[at + 5] & 4);
    free(p);
    return ends;
}

/* libsndfile takes some files that were cut for shorter ones. */
static bool cut_short(int fd) {
    unsigned char p[8];
    off_t end = lseek(fd, 0, SEEK_END);
    if (pread(fd, p, sizeof p, 0) != (ssize_t)sizeof p)
        return false;
    if (!memcmp(p, "OggS", 4))
        return !ogg_ends(fd, end);
    uint32_t form = (uint32_t)p[4] << 24 | (uint32_t)p[5] << 16 | (uint32_t)p[6] << 8 | p[7], riff = __builtin_bswap32(form);
    uint32_t size = !memcmp(p, "FORM", 4) || !memcmp(p, "RIFX", 4) ? form : !memcmp(p, "RIFF", 4) ? riff : 0;
    return size < UINT32_MAX && (off_t)size + 8 > end;
}

int sound_file_open(struct source *src, struct sound_spec *spec, struct sound_input *in, struct vae_err *err) {
    const char *name = source_name(src);
    SF_INFO info = {0};
    const struct sound_file_lib *lib = sound_file_lib(err);
    int fd = lib ? source_whole(src, err) : VAE_EOS;
    if (fd < 0)
        return fd;
    struct file *f = mem_array(1, sizeof *f);
    if (!f) {
        close(fd);
        return err_set(err, VAE_EOS, "out of memory");
    }
    f->lib = lib, f->name = name;
    bool cut = cut_short(fd);
    lseek(fd, 0, SEEK_SET);
    f->snd = lib->open_fd(fd, SFM_READ, &info, SF_TRUE);
    int rc = 0;
    if (!f->snd)
        rc = err_set(err, VAE_EDATA, "%s: %s (%s)", name, cut ? "ends early" : "no sound that can be read", lib->strerror(NULL));
    else if (cut)
        rc = err_set(err, VAE_EDATA, "%s: ends early, and declares more", name);
    else if (info.channels < 1 || info.channels > SOUND_CHANNELS || info.samplerate < 1 || info.samplerate > SOUND_RATE)
        rc = err_set(err, VAE_EDATA, "%s: %d channels at %d Hz; from 1 to %d at up to %d Hz are read", name, info.channels,
                     info.samplerate, (int)SOUND_CHANNELS, (int)SOUND_RATE);
    if (rc) {
        file_close(f);
        return rc;
    }
    const struct sound_kind *k = sound_kinds;
    while (k->bytes && k->code != (info.format & SF_FORMAT_SUBMASK))
        k++;
    bool counted = info.frames > 0 && info.frames < SF_COUNT_MAX;
    f->declared = counted ? info.frames : -1;
    *spec = (struct sound_spec){(uint32_t)info.samplerate, (size_t)info.channels, k};
    *in = (struct sound_input){f, file_read, file_close};
    return 0;
}
